// The first suite of this layer replaces this file.
