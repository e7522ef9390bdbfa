import Records
import Testing

@Suite struct RecordsTests {
    @Test("SHA-256 of abc is the one of FIPS 180-2")
    func knownDigest() {
        #expect(
            SHA256.hash("abc").hex
                == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(Digest256(hex: SHA256.hash("abc").hex) == SHA256.hash("abc"))
    }

    @Test("CRC-32 of 123456789 is the standard's check value")
    func knownChecksum() {
        #expect(CRC32.checksum(Array("123456789".utf8)) == 0xcbf4_3926)
    }

    @Test("adding digests does not depend on the order, and subtraction undoes it")
    func digestsAdd() {
        let digests = (0..<50).map { SHA256.hash("record \($0)") }
        let forward = digests.reduce(Digest256.zero) { $0 &+ $1 }
        let backward = digests.reversed().reduce(Digest256.zero) { $0 &+ $1 }
        #expect(forward == backward)
        #expect(digests.reduce(forward) { $0 &- $1 } == .zero)
    }

    @Test("what is written is read back, and every truncation is an error")
    func byteCoding() throws {
        var writer = ByteWriter()
        writer.integer(-7 as Int64)
        writer.string("Schlüssel")
        writer.doubles([1.5, -.infinity])
        writer.floats([0.25])
        writer.optional(3 as UInt16?) { $0.integer($1) }
        writer.array(["a", "b"]) { $0.string($1) }
        func readAll(_ bytes: [UInt8]) throws {
            var reader = ByteReader(bytes)
            #expect(try reader.integer(Int64.self) == -7)
            #expect(try reader.string() == "Schlüssel")
            #expect(try reader.doubles() == [1.5, -.infinity])
            #expect(try reader.floats() == [0.25])
            #expect(
                try reader.optional { r throws(ByteCodingError) in try r.integer(UInt16.self) } == 3
            )
            #expect(try reader.array { r throws(ByteCodingError) in try r.string() } == ["a", "b"])
            try reader.finish()
        }
        try readAll(writer.bytes)
        for count in 0..<writer.bytes.count {
            var failed = false
            do { try readAll(Array(writer.bytes[..<count])) } catch is ByteCodingError {
                failed = true
            }
            #expect(failed, "a record cut to \(count) bytes was read")
        }
        #expect(throws: ByteCodingError.trailing(count: 1)) { try readAll(writer.bytes + [0]) }
    }

    @Test("the stable hash and the seeded stream have the values they had in the first release")
    func stable() {
        var random = SeededRandom(seed: 1_234_567)
        #expect(random.next() == 6_457_827_717_110_365_317)
        #expect(StableHash.of("ab", "c") != StableHash.of("a", "bc"))
        var sum = 0.0
        var squares = 0.0
        for _ in 0..<20_000 {
            let x = random.normal()
            sum += x
            squares += x * x
        }
        #expect(abs(sum / 20_000) < 0.03 && abs(squares / 20_000 - 1) < 0.04)
    }
}
