import EventSchema
import Foundation

// A column of zeros is left out.
extension ReferenceColumns {
    mutating func dropZeros() {
        drop(\.type)
        drop(\.timeDelta)
        drop(\.messageBack)
        drop(\.messageEpochBack)
        dropReceived()
        dropRecipient()
        dropAttempt()
        dropOthers()
        dropControl()
    }

    mutating func drop<Number: BinaryInteger>(
        _ path: WritableKeyPath<EventBatch, [Number]>
    ) {
        if batch[keyPath: path].allSatisfy({ $0 == 0 }) { batch[keyPath: path] = [] }
    }

    private mutating func dropReceived() {
        guard batch.hasReceived else { return }
        drop(\.received.reversePathLocalString)
        drop(\.received.reversePathDomainString)
        drop(\.received.sizeOctets)
        if batch.received.contentSha256.allSatisfy({ $0 == 0 }) {
            batch.received.contentSha256 = .init()
        }
        drop(\.received.recipientCount)
        drop(\.received.tenantString)
        drop(\.received.campaignString)
        drop(\.received.body)
        drop(\.received.smtpUtf8)
        drop(\.received.returnContent)
        drop(\.received.envelopeIDString)
        drop(\.received.listenerString)
        drop(\.received.transmissionType)
        drop(\.received.clientAddressString)
        drop(\.received.clientNameString)
        drop(\.received.identityString)
        drop(\.received.sessionString)
        drop(\.received.tlsVersionString)
        drop(\.received.tlsCipherString)
        drop(\.received.ackLevel)
        drop(\.received.idempotencyKeyString)
        drop(\.received.suppliedFields)
        drop(\.received.serverNameString)
        drop(\.received.reportsOnBack)
        drop(\.received.reportsOnEpochBack)
        drop(\.received.headerMessageIDString)
        drop(\.received.metadataString)
        drop(\.received.contentPiecesString)
        if batch.received == .init() { batch.clearReceived() }
    }

    private mutating func dropRecipient() {
        if batch.hasRecipient {
            drop(\.recipient.number)
            drop(\.recipient.localString)
            drop(\.recipient.domainString)
            drop(\.recipient.tenantString)
            drop(\.recipient.campaignString)
            if batch.recipient == .init() { batch.clearRecipient() }
        }
        if batch.hasQueued {
            drop(\.queued.dueDelay)
            drop(\.queued.notify)
            drop(\.queued.originalRecipientString)
            if batch.queued == .init() { batch.clearQueued() }
        }
    }

    private mutating func dropAttempt() {
        guard batch.hasAttempt else { return }
        drop(\.attempt.number)
        drop(\.attempt.replyCode)
        drop(\.attempt.enhancedStatus)
        drop(\.attempt.replyTextString)
        drop(\.attempt.mxHostString)
        drop(\.attempt.mxAddressString)
        drop(\.attempt.mxPort)
        drop(\.attempt.sourceAddressString)
        drop(\.attempt.tlsVersionString)
        drop(\.attempt.tlsCipherString)
        drop(\.attempt.waited)
        drop(\.attempt.connecting)
        drop(\.attempt.transaction)
        drop(\.attempt.commandString)
        if batch.attempt == .init() { batch.clearAttempt() }
    }

    private mutating func dropOthers() {
        if batch.hasDeferred {
            drop(\.deferred.nextDueDelay)
            drop(\.deferred.inDoubt)
            if batch.deferred == .init() { batch.clearDeferred() }
        }
        if batch.hasFailure {
            drop(\.failure.class)
            drop(\.failure.saidBy)
            if batch.failure == .init() { batch.clearFailure() }
        }
        if batch.hasRejected {
            drop(\.rejected.listenerString)
            drop(\.rejected.clientAddressString)
            drop(\.rejected.clientNameString)
            drop(\.rejected.identityString)
            drop(\.rejected.sessionString)
            drop(\.rejected.commandString)
            drop(\.rejected.reversePathString)
            drop(\.rejected.forwardPathString)
            drop(\.rejected.replyCode)
            drop(\.rejected.enhancedStatus)
            drop(\.rejected.replyTextString)
            if batch.rejected == .init() { batch.clearRejected() }
        }
        if batch.hasEpochStarted {
            drop(\.epochStarted.epoch)
            drop(\.epochStarted.siteString)
            drop(\.epochStarted.reasonString)
            if batch.epochStarted == .init() { batch.clearEpochStarted() }
        }
        if batch.hasContentReceived {
            drop(\.contentReceived.sizeOctets)
            if batch.contentReceived.contentSha256.allSatisfy({ $0 == 0 }) {
                batch.contentReceived.contentSha256 = .init()
            }
            if batch.contentReceived == .init() { batch.clearContentReceived() }
        }
        if batch.hasConfigurationApplied {
            drop(\.configurationApplied.digestString)
            drop(\.configurationApplied.versionString)
            if batch.configurationApplied == .init() { batch.clearConfigurationApplied() }
        }
    }
}
