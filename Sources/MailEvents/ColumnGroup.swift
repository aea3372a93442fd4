/// A message of columns in `EventBatch`: all its columns have one entry for each of its events.
///
/// Raw values count from 0; ``batch`` stands for the columns of `EventBatch` itself, which have an
/// entry for every event.
enum ColumnGroup: Int, CaseIterable {
    case batch
    case received
    case recipient
    case queued
    case attempt
    case deferred
    case failure
    case rejected
    case epochStarted
    case configurationApplied
    case control
    case address
    case feedback
    case contentReceived

    /// How many groups there are.
    static let count = 14

    /// `allCases`, made once.
    static let all: [ColumnGroup] = allCases

    /// The field number of the message in `EventBatch`; 0 for the batch itself.
    var field: UInt64 { self == .batch ? 0 : UInt64(rawValue) + 15 }

    /// The group with that field number in `EventBatch`.
    init?(field: UInt64) {
        guard field >= 16, field < 16 + UInt64(Self.count) - 1 else { return nil }
        self.init(rawValue: Int(field) - 15)
    }

    /// The group's columns as raw values of ``BatchColumn``, ascending by field number from 1.
    var columns: Range<Int> {
        switch self {
        case .batch: range(.batchType, .batchMessageEpochBack)
        case .received: range(.receivedReversePathLocalString, .receivedContentPiecesString)
        case .recipient: range(.recipientNumber, .recipientCampaignString)
        case .queued: range(.queuedDueDelay, .queuedOriginalRecipientString)
        case .attempt: range(.attemptNumber, .attemptCommandString)
        case .deferred: range(.deferredNextDueDelay, .deferredInDoubt)
        case .failure: range(.failureClass, .failureSaidBy)
        case .rejected: range(.rejectedListenerString, .rejectedReplyTextString)
        case .epochStarted: range(.epochStartedEpoch, .epochStartedReasonString)
        case .configurationApplied:
            range(.configurationAppliedDigestString, .configurationAppliedVersionString)
        case .control: range(.controlCampaignString, .controlUntilDelay)
        case .address: range(.addressTenantString, .addressExpiresDelay)
        case .feedback: range(.feedbackNumber, .feedbackSourceAddressString)
        case .contentReceived: range(.contentReceivedSizeOctets, .contentReceivedContentSha256)
        }
    }

    private func range(_ first: BatchColumn, _ last: BatchColumn) -> Range<Int> {
        first.rawValue..<last.rawValue + 1
    }
}
