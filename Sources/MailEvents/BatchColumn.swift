/// Every column of a batch, in the order of the encoded bytes: by message, then by field number.
///
/// A case is named by its message and its field in events.proto, so that the full name can be told
/// in errors. Raw values are positions in memory, not on disk.
enum BatchColumn: Int, CaseIterable {
    // EventBatch
    case batchType
    case batchTimeDelta
    case batchMessageBack
    case batchMessageEpochBack
    // ReceivedColumns
    case receivedReversePathLocalString
    case receivedReversePathDomainString
    case receivedSizeOctets
    case receivedContentSha256
    case receivedRecipientCount
    case receivedTenantString
    case receivedCampaignString
    case receivedBody
    case receivedSmtpUtf8
    case receivedReturnContent
    case receivedEnvelopeIdString
    case receivedListenerString
    case receivedTransmissionType
    case receivedClientAddressString
    case receivedClientNameString
    case receivedIdentityString
    case receivedSessionString
    case receivedTlsVersionString
    case receivedTlsCipherString
    case receivedAckLevel
    case receivedIdempotencyKeyString
    case receivedSuppliedFields
    case receivedServerNameString
    case receivedReportsOnBack
    case receivedHeaderMessageIdString
    case receivedReportsOnEpochBack
    case receivedMetadataString
    case receivedContentPiecesString
    // RecipientColumns
    case recipientNumber
    case recipientLocalString
    case recipientDomainString
    case recipientTenantString
    case recipientCampaignString
    // QueuedColumns
    case queuedDueDelay
    case queuedNotify
    case queuedOriginalRecipientString
    // AttemptColumns
    case attemptNumber
    case attemptReplyCode
    case attemptEnhancedStatus
    case attemptReplyTextString
    case attemptMxHostString
    case attemptMxAddressString
    case attemptMxPort
    case attemptSourceAddressString
    case attemptTlsVersionString
    case attemptTlsCipherString
    case attemptWaited
    case attemptConnecting
    case attemptTransaction
    case attemptCommandString
    // DeferredColumns
    case deferredNextDueDelay
    case deferredInDoubt
    // FailureColumns
    case failureClass
    case failureSaidBy
    // RejectedColumns
    case rejectedListenerString
    case rejectedClientAddressString
    case rejectedClientNameString
    case rejectedIdentityString
    case rejectedSessionString
    case rejectedCommandString
    case rejectedReversePathString
    case rejectedForwardPathString
    case rejectedReplyCode
    case rejectedEnhancedStatus
    case rejectedReplyTextString
    // EpochStartedColumns
    case epochStartedEpoch
    case epochStartedSiteString
    case epochStartedReasonString
    // ConfigurationAppliedColumns
    case configurationAppliedDigestString
    case configurationAppliedVersionString
    // ControlColumns
    case controlCampaignString
    case controlTenantString
    case controlDomainString
    case controlReasonString
    case controlActorString
    case controlUntilDelay
    // AddressColumns
    case addressTenantString
    case addressLocalString
    case addressDomainString
    case addressReasonString
    case addressActorString
    case addressExpiresDelay
    // FeedbackColumns
    case feedbackNumber
    case feedbackLocalString
    case feedbackDomainString
    case feedbackTenantString
    case feedbackCampaignString
    case feedbackFeedbackTypeString
    case feedbackReporterString
    case feedbackTextString
    case feedbackClass
    case feedbackSaidBy
    case feedbackMxHostString
    case feedbackSourceAddressString
    // ContentReceivedColumns
    case contentReceivedSizeOctets
    case contentReceivedContentSha256

    /// How many columns there are.
    static let count = 100

    /// Whether an entry is a SHA-256 of 32 octets instead of a number.
    static func isHash(_ column: Int) -> Bool {
        column == receivedContentSha256.rawValue || column == contentReceivedContentSha256.rawValue
    }

    /// The message the column belongs to.
    var group: ColumnGroup {
        ColumnGroup.allCases.first { $0.columns.contains(rawValue) } ?? .batch
    }

    /// The field number within its message.
    var field: UInt64 { UInt64(rawValue - group.columns.lowerBound) + 1 }

    /// For example `received.size_octets`.
    var name: String {
        let prefix = String(describing: group)
        let field = String(String(describing: self).dropFirst(prefix.count)).snakeCased()
        return (group == .batch ? "" : prefix.snakeCased() + ".") + field.dropFirst()
    }
}
