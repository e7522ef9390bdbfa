import Foundation
import Telemetry

/// What the system says of this process, as Prometheus' own clients tell it.
///
/// Source: proc(5); "Standard and runtime collectors" of Prometheus' client libraries.
package struct ProcessFigures: Equatable {
    /// Since 1970.
    package var startSeconds: Double
    /// Of the processor, in both modes.
    package var cpuSeconds: Double
    package var residentBytes: Double
    package var virtualBytes: Double
    package var openDescriptors: Double
    package var descriptorsMax: Double

    /// - Returns: `nil` where the system does not tell, as without `/proc`.
    package static func read() -> ProcessFigures? {
        guard let stat = text("/proc/self/stat"), let boot = bootSeconds,
            let names = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")
        else { return nil }
        // The one that the folder is read by is gone again.
        return ProcessFigures(
            stat: stat, bootSeconds: boot, ticks: Double(sysconf(Int32(_SC_CLK_TCK))),
            pageBytes: Double(sysconf(Int32(_SC_PAGESIZE))), openDescriptors: names.count - 1,
            descriptorsMax: DescriptorLimit.now)
    }

    /// - Parameters:
    ///   - stat: the line of `/proc/self/stat`.
    ///   - ticks: clock ticks a second.
    package init?(
        stat: String, bootSeconds: Double, ticks: Double, pageBytes: Double, openDescriptors: Int,
        descriptorsMax: Int
    ) {
        // The program's name is in brackets, and may have blanks and brackets of its own.
        guard let end = stat.lastIndex(of: ")") else { return nil }
        let fields = stat[stat.index(after: end)...].split(separator: " ").map { Double($0) }
        // The first of these is field 3.
        func field(_ number: Int) -> Double? {
            fields.indices.contains(number - 3) ? fields[number - 3] : nil
        }
        guard let user = field(14), let system = field(15), let start = field(22),
            let virtual = field(23), let resident = field(24)
        else { return nil }
        startSeconds = bootSeconds + start / ticks
        cpuSeconds = (user + system) / ticks
        residentBytes = resident * pageBytes
        virtualBytes = virtual
        self.openDescriptors = Double(openDescriptors)
        self.descriptorsMax = Double(descriptorsMax)
    }

    /// When the system started, since 1970.
    private static let bootSeconds: Double? = text("/proc/stat")?.split(separator: "\n")
        .first { $0.hasPrefix("btime ") }
        .flatMap { Double($0.dropFirst("btime ".count)) }

    private static func text(_ path: String) -> String? {
        try? String(contentsOfFile: path, encoding: .utf8)
    }

    package var metrics: [Metric] {
        [
            Metric(
                .gauge, "process_start_time_seconds", "When the process began, since 1970.",
                startSeconds),
            Metric(
                .counter, "process_cpu_seconds_total", "Time of the processor, user and system.",
                cpuSeconds),
            Metric(
                .gauge, "process_resident_memory_bytes", "Memory that is resident.", residentBytes),
            Metric(
                .gauge, "process_virtual_memory_bytes", "Address space, the store's map in it.",
                virtualBytes),
            Metric(.gauge, "process_open_fds", "Open files and sockets.", openDescriptors),
            Metric(
                .gauge, "process_max_fds", "How many files and sockets may be open.",
                descriptorsMax),
        ]
    }
}
