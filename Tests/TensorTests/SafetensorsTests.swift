import Foundation
import Tensor
import Testing

@Suite("Safetensors files are read in full or refused with the tensor's name")
struct SafetensorsTests {
    private let tensors = [
        NamedTensor(name: "first", shape: [2, 3], values: [1, -2, 3.5, 0, 1e-30, -1e30]),
        NamedTensor(name: "empty", shape: [0, 4], values: []),
        NamedTensor(name: "last", shape: [2], values: [7, 8]),
    ]

    /// A file with this header and this many bytes of data.
    private func file(_ header: String, data: [UInt8]) -> [UInt8] {
        let text = Array(header.utf8)
        return (0..<8).map { UInt8(truncatingIfNeeded: text.count >> (8 * $0)) } + text + data
    }

    private func fault(_ bytes: [UInt8]) -> SafetensorsFault? {
        do throws(SafetensorsFault) {
            _ = try Safetensors(bytes)
            return nil
        } catch {
            return error
        }
    }

    private func entry(_ name: String, _ dtype: String, _ shape: String, _ range: String) -> String
    {
        "\"\(name)\":{\"dtype\":\"\(dtype)\",\"shape\":\(shape),\"data_offsets\":\(range)}"
    }

    @Test("what is written is read back, metadata too")
    func roundTrip() throws {
        let bytes = Safetensors.file(tensors, metadata: ["format": "pt"])
        let read = try Safetensors(bytes)
        #expect(read.metadata == ["format": "pt"])
        #expect(Set(read.entries.map(\.name)) == Set(tensors.map(\.name)))
        for tensor in tensors {
            #expect(read.entry(tensor.name)?.shape == tensor.shape)
            #expect(try read.values(tensor.name) == tensor.values)
        }
        #expect(bytes == Safetensors.file(tensors, metadata: ["format": "pt"]))
    }

    @Test("every truncation is refused")
    func truncated() {
        let bytes = Safetensors.file(tensors, metadata: [:])
        for count in 0..<bytes.count {
            #expect(fault(Array(bytes[..<count])) != nil, "cut to \(count) bytes")
        }
        #expect(fault([1, 2, 3]) == .tooShort(bytes: 3))
        #expect(
            fault(Array(bytes[..<20]))
                == .headerBeyondEnd(headerBytes: UInt64(bytes[0]), fileBytes: 20))
        #expect(
            fault(Array(bytes.dropLast())) == .truncated(tensor: "last", end: 32, dataBytes: 31))
        #expect(fault(bytes + [0]) == .trailing(bytes: 1))
        #expect(
            fault([UInt8](repeating: 255, count: 30))
                == .headerBeyondEnd(headerBytes: .max, fileBytes: 30))
    }

    @Test("overlaps, gaps and sizes that do not fit are refused")
    func layout() {
        let data = [UInt8](repeating: 0, count: 16)
        func of(_ entries: String...) -> SafetensorsFault? {
            fault(file("{" + entries.joined(separator: ",") + "}", data: data))
        }
        #expect(of(entry("a", "F32", "[2]", "[0,8]"), entry("b", "F32", "[2]", "[8,16]")) == nil)
        #expect(
            of(entry("a", "F32", "[2]", "[0,8]"), entry("b", "F32", "[3]", "[4,16]"))
                == .overlap(tensor: "b", with: "a"))
        #expect(
            of(entry("a", "F32", "[4]", "[0,16]"), entry("b", "F32", "[4]", "[0,16]"))
                == .overlap(tensor: "b", with: "a"))
        #expect(
            of(entry("a", "F32", "[1]", "[0,4]"), entry("b", "F32", "[2]", "[8,16]"))
                == .gap(before: "b", bytes: 4))
        #expect(
            of(entry("a", "F32", "[5]", "[0,16]"))
                == .size(tensor: "a", shape: [5], dtype: "F32", bytes: 16))
        #expect(
            of(entry("a", "F32", "[4294967296,4294967296,4]", "[0,16]"))
                == .size(
                    tensor: "a", shape: [4_294_967_296, 4_294_967_296, 4], dtype: "F32", bytes: 16))
        #expect(
            of(entry("a", "F32", "[-4]", "[0,16]"))
                == .badEntry(tensor: "a", "has the shape [-4]"))
        #expect(
            of(entry("a", "F32", "[4]", "[16,0]"))
                == .badEntry(tensor: "a", "has data_offsets [16, 0]"))
        #expect(of(entry("a", "Q4", "[4]", "[0,16]")) == .dtype(tensor: "a", "Q4"))
        #expect(
            of("\"a\":{\"dtype\":\"F32\"}")
                == .badEntry(tensor: "a", "needs dtype, shape and data_offsets, as integers"))
        #expect(
            of(entry("a", "F32", "[4.5]", "[0,16]"))
                == .badEntry(tensor: "a", "needs dtype, shape and data_offsets, as integers"))
        if case .headerNotJSON = of("]") {} else { Issue.record("a header that is not JSON") }
        if case .headerNotJSON = fault(file("[]", data: [])) {
        } else {
            Issue.record("a header that is no object")
        }
    }

    @Test("missing tensors, other shapes, dtypes and values that are not finite are named")
    func content() throws {
        var values = tensors[0].values
        values[4] = .nan
        let bad = NamedTensor(name: "bad", shape: [2, 3], values: values)
        let read = try Safetensors(Safetensors.file(tensors + [bad], metadata: [:]))
        let room = Sample(2, 3)
        let target = room.write
        #expect(throws: SafetensorsFault.missing(tensor: "none")) {
            try read.copy("none", shape: [6], to: target)
        }
        #expect(throws: SafetensorsFault.shape(tensor: "first", expected: [3, 2], found: [2, 3])) {
            try read.copy("first", shape: [3, 2], to: target)
        }
        #expect(throws: SafetensorsFault.notFinite(tensor: "bad", index: 4)) {
            try read.copy("bad", shape: [2, 3], to: target)
        }
        let integers = try Safetensors(
            file(
                "{" + entry("i", "I64", "[1]", "[0,8]") + "}", data: [UInt8](repeating: 0, count: 8)
            ))
        #expect(throws: SafetensorsFault.dtype(tensor: "i", "I64")) { try integers.values("i") }
    }

    @Test("half precision widens exactly, all 65,536 patterns of both kinds")
    func halves() throws {
        var finite: [UInt16] = []
        for bits in UInt16.min...UInt16.max where bits & 0x7c00 != 0x7c00 { finite.append(bits) }
        func read(_ dtype: String, _ patterns: [UInt16]) throws -> [Float] {
            let data = patterns.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
            let header = entry("h", dtype, "[\(patterns.count)]", "[0,\(data.count)]")
            return try Safetensors(file("{" + header + "}", data: data)).values("h")
        }
        let halves = try read("F16", finite)
        for (bits, value) in zip(finite, halves) {
            #expect(value.bitPattern == Float(Float16(bitPattern: bits)).bitPattern)
        }
        for bits in UInt16.min...UInt16.max {
            let expected = Float(bitPattern: UInt32(bits) << 16)
            if expected.isFinite { continue }
            #expect(throws: SafetensorsFault.notFinite(tensor: "h", index: 1)) {
                try read("BF16", [0, bits])
            }
        }
        #expect(try read("BF16", [0x3f80, 0xc049]) == [1, Float(bitPattern: 0xc049_0000)])
        #expect(throws: SafetensorsFault.notFinite(tensor: "h", index: 0)) {
            try read("F16", [0x7e00])
        }
    }
}
