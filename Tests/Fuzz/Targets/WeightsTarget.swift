import Tensor

/// Any bytes as a file of weights: tensors of numbers, or what is wrong with it.
enum WeightsTarget: FuzzTarget {
    static let name = "weights"

    static func run(_ bytes: UnsafeRawBufferPointer) {
        guard let file = try? Safetensors(unsafe [UInt8](bytes)) else { return }
        for entry in file.entries {
            guard let values = try? file.values(entry.name) else { continue }
            precondition(values.allSatisfy(\.isFinite), "\(entry.name) is not finite")
            precondition(values.count == entry.shape.reduce(1, *), "\(entry)")
        }
    }

    static let seeds: [[UInt8]] = [
        file(#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, [0, 0, 128, 63]),
        file(
            #"{"__metadata__":{"format":"pt"},"a":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},"#
                + #""b":{"dtype":"BF16","shape":[1,1],"data_offsets":[4,6]}}"#,
            [0, 60, 1, 0, 128, 63]),
        file(#"{"a":{"dtype":"F32","shape":[9223372036854775807,4],"data_offsets":[0,0]}}"#, []),
        file(#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, [0, 0, 192, 127]),
    ]

    private static func file(_ header: String, _ data: [UInt8]) -> [UInt8] {
        let count = UInt64(header.utf8.count)
        return (0..<8).map { UInt8(truncatingIfNeeded: count >> (8 * UInt64($0))) }
            + Array(header.utf8) + data
    }
}
