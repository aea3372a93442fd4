package import MailModel

/// What a ``TrafficYear`` is made from; equal plans give equal events.
///
/// Concurrency: value.
package struct TrafficPlan: Sendable {
    /// Of every random choice.
    package var seed: UInt64
    /// Days of traffic, from ``start``.
    package var days: Int
    /// How many events are wanted; the year comes out within a few per cent of it.
    package var events: Int
    /// Midnight (UTC) of the first day.
    package var start: EventTime

    /// Creates a plan; it starts on 1 November 2025.
    package init(
        seed: UInt64 = 1, days: Int = 365, events: Int,
        start: EventTime = EventTime(microseconds: 1_761_955_200_000_000)
    ) {
        self.seed = seed
        self.days = days
        self.events = events
        self.start = start
    }

    /// Messages that make about ``events`` events.
    var messages: Int { max(1, Int(Double(events) / Shares.eventsOfMessage)) }

    /// Minutes from the start to the end.
    var minutes: Int { days * 1440 }

    /// The shares that traffic consists of. Most are per mille of what they are taken of; none of
    /// them is a measurement, each is what operators of bulk mail would call usual.
    enum Shares {
        /// Events of a message with everything that follows from it, on the average of a year.
        static let eventsOfMessage = 3.09
        /// Of the messages: those of campaigns that go out in bursts.
        static let bulk = 600
        /// Of the other messages: those with more than one recipient, and the most they have.
        static let severalRecipients = 25
        static let recipientsMax = 5
        /// Messages that a person gets in a year.
        static let messagesOfPerson = 8
        /// Of the people: those at one of the large providers.
        static let consumers = 750
        /// Of the people: no such mailbox; mailbox full at times.
        static let unknownMailbox = 6
        static let fullMailbox = 4
        /// Of the small domains: host never answers; no such domain; greylists.
        static let deadDomain = 2
        static let missingDomain = 1
        static let greylistingDomain = 80
        /// Of first attempts where there is greylisting.
        static let greylisted = 600
        /// Of the attempts of bulk mail to large providers: told to slow down.
        static let throttled = 25
        /// Of the attempts of bulk mail: refused as spam.
        static let spam = 2
        /// In 100,000 attempts: connection lost after the final dot.
        static let doubt = 20
        /// In 100,000 deliveries of bulk mail to large providers.
        static let complaint = 45
        /// In 100,000 deliveries.
        static let lateBounce = 60
        /// Of the unknown mailboxes that bounce: the tenant suppresses the address.
        static let suppressedAfterBounce = 700
        /// Of the sessions: refused.
        static let rejected = 3
    }
}
