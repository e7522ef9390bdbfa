import Records
import Testing

@Suite struct TimestampTests {
    @Test(
        "RFC 3339 date-times are read to the millisecond",
        arguments: [
            ("1970-01-01T00:00:00Z", 0),
            ("1985-04-12T23:20:50.52Z", 482_196_050_520),
            ("1996-12-19T16:39:57-08:00", 851_042_397_000),
            ("1990-12-31T23:59:60Z", 662_688_000_000),
            ("1990-12-31T15:59:60-08:00", 662_688_000_000),
            ("1937-01-01T12:00:27.87+00:20", -1_041_337_172_130),
            ("2000-02-29T00:00:00z", 951_782_400_000),
            ("2024-02-29t12:00:00.999999999+14:00", 1_709_157_600_999),
            ("0000-01-01T00:00:00Z", -62_167_219_200_000),
            ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
            ("2023-11-14T22:13:20-00:00", 1_700_000_000_000),
        ] as [(String, Int64)])
    func reads(text: String, expected: Int64) {
        #expect(Timestamp.milliseconds(text) == expected)
    }

    @Test(
        "what is not RFC 3339 is no time",
        arguments: [
            "", "2023-11-14", "2023-11-14T22:13:20", "2023-11-14 22:13:20Z",
            "2023-13-01T00:00:00Z", "2023-00-01T00:00:00Z", "2023-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z", "2023-04-31T00:00:00Z", "2023-01-00T00:00:00Z",
            "2023-01-01T24:00:00Z", "2023-01-01T00:60:00Z", "2023-01-01T00:00:61Z",
            "2023-01-01T12:30:60Z", "2023-01-01T00:00:00.Z", "2023-01-01T00:00:00.5",
            "2023-01-01T00:00:00+24:00", "2023-01-01T00:00:00+0100", "2023-01-01T00:00:00+01:60",
            "2023-01-01T00:00:00Z ", "+2023-01-01T00:00:00Z", "2023-1-01T00:00:00.00Z",
            "２023-01-01T00:00:00Z",
        ])
    func refuses(text: String) {
        #expect(Timestamp.milliseconds(text) == nil)
    }

    @Test("a time written is read back as itself")
    func roundTrip() {
        var random = SeededRandom(seed: 1)
        for _ in 0..<20_000 {
            let ms = Int64(random.unit() * 315_569_520_000_000) - 62_167_219_200_000
            let text = Timestamp.text(ms: ms)
            #expect(Timestamp.milliseconds(text) == ms, "\(text)")
        }
        #expect(Timestamp.text(ms: 1_700_000_000_050) == "2023-11-14T22:13:20.050Z")
        #expect(Timestamp.text(ms: -1) == "1969-12-31T23:59:59.999Z")
    }
}
