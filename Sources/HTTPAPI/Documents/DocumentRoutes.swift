import Hummingbird

/// `/openapi.yaml` and `/docs`: what this page's reader needs, without a key and from this server
/// alone.
enum DocumentRoutes {
    static let routes = [
        Route(.get, "/openapi.yaml", .anyone) { _ in
            .octets(PackageResources.openapi_yaml, type: "application/yaml")
        },
        Route(.get, "/docs", .anyone) { _ in
            var response = Response.octets(
                PackageResources.docs_html, type: "text/html; charset=utf-8")
            response.headers[.contentSecurityPolicy] =
                "default-src 'none'; style-src 'unsafe-inline'"
            return response
        },
    ].map(\.answeringWithoutLog)
}
