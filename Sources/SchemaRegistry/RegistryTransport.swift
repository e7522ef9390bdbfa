/// What a registry says to a request.
public struct RegistryAnswer: Sendable {
    /// HTTP's status.
    public let status: Int
    /// The body, within the bound.
    public let body: [UInt8]

    /// A status and a body.
    public init(status: Int, body: [UInt8]) {
        self.status = status
        self.body = body
    }
}

/// How requests reach a registry.
///
/// Thread: one at a time; a call waits for its answer.
public protocol RegistryTransport: AnyObject {
    /// - Parameter path: with its query, from the registry's URL on, `/schemas/ids/7`.
    /// - Throws: `RegistryError` where there is no answer.
    func get(_ path: String) throws(RegistryError) -> RegistryAnswer

    /// - Parameter body: JSON.
    /// - Throws: `RegistryError` where there is no answer.
    func post(_ path: String, _ body: [UInt8]) throws(RegistryError) -> RegistryAnswer
}
