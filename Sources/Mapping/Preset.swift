/// Mappings of well-known formats that come with Tidemark, by name.
package enum Preset: String, Sendable, CaseIterable {
    case ga4, segment, rudderstack, snowplow, shopify, adobe, cloudevents, debezium, retailrocket,
        rees46

    /// All names, for messages.
    package static var listed: String { allCases.map(\.rawValue).joined(separator: ", ") }

    /// The file of `deploy/mappings`, as it was when Tidemark was built: part of the program, so
    /// that it is there wherever the program is.
    package var yaml: String {
        let bytes =
            switch self {
            case .ga4: PackageResources.ga4_yaml
            case .segment: PackageResources.segment_yaml
            case .rudderstack: PackageResources.rudderstack_yaml
            case .snowplow: PackageResources.snowplow_yaml
            case .shopify: PackageResources.shopify_yaml
            case .adobe: PackageResources.adobe_yaml
            case .cloudevents: PackageResources.cloudevents_yaml
            case .debezium: PackageResources.debezium_yaml
            case .retailrocket: PackageResources.retailrocket_yaml
            case .rees46: PackageResources.rees46_yaml
            }
        return String(decoding: bytes, as: UTF8.self)
    }
}
