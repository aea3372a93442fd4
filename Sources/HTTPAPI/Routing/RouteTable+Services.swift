extension RouteTable {
    /// Every route of the server; on the control socket those for commands, too.
    init(services: APIServices, forCommands: Bool = false) {
        var all =
            HealthRoutes(services: services).routes
            + MetricsRoutes(services: services).routes
            + InjectionRoutes(services: services).routes
            + EventRoutes(services: services).routes
            + StatisticsRoutes(services: services).routes
            + MessageListRoutes(services: services).routes
            + MessageRoutes(services: services).routes
            + QueueRoutes(services: services).routes
            + DoubtRoutes(services: services).routes
            + SuppressionRoutes(services: services).routes
            + FeedbackRoutes(services: services).routes
            + LogRoutes(services: services).routes
            + SiteRoutes(services: services).routes
            + PruneRoute(services: services).routes
            + DocumentRoutes.routes
        if forCommands, let answers = services.commands {
            all += CommandRoute(services: services, answers: answers).routes
        }
        routes = all.map { $0.refusing(without: services) }
    }
}
