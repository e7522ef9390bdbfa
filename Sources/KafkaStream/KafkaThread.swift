import Platform

extension NamedThread {
    /// - Throws: `KafkaError.system` when the system has no room for another thread.
    static func start(
        _ name: String, _ body: @escaping @Sendable () -> Void
    ) throws(KafkaError) -> NamedThread {
        do throws(PlatformError) {
            return try NamedThread(name: name, body)
        } catch {
            throw .system(error.description)
        }
    }
}
