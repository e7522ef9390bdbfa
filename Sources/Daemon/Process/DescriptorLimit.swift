import Glibc

/// How many files and sockets this process may have open.
public enum DescriptorLimit {
    /// Some libraries look at each number there may be.
    private static let most: rlim_t = 65_536

    /// The limit that holds now.
    static var now: Int {
        var limit = rlimit()
        let kind = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard unsafe getrlimit(kind, &limit) == 0 else { return 0 }
        return Int(clamping: limit.rlim_cur)
    }

    /// Raises the limit as far as the system lets the process do so by itself.
    ///
    /// - Returns: the limit that holds.
    @discardableResult
    public static func raise() -> Int {
        var limit = rlimit()
        let kind = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard unsafe getrlimit(kind, &limit) == 0 else { return 0 }
        let wanted = max(limit.rlim_cur, min(limit.rlim_max, most))
        if wanted > limit.rlim_cur {
            var raised = limit
            raised.rlim_cur = wanted
            if unsafe setrlimit(kind, &raised) == 0 { limit = raised }
        }
        return Int(clamping: limit.rlim_cur)
    }
}
