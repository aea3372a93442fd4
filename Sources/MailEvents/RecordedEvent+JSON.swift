extension RecordedEvent {
    /// One JSON object on one line, without a line end (schemas/events.md).
    package var json: String {
        var writer = JSONWriter()
        writeJSON(to: &writer)
        return writer.text
    }

    /// Appends the object to what a writer has.
    package func writeJSON(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.endObject()
    }
}
