import Foundation

/// JSON as every report, snapshot and reply writes it: sorted keys, and `null` for a number that is none.
public enum JSONText {
    /// Stands in for a number that is not finite until it is replaced.
    private static let marker = "\u{1}not a finite number\u{1}"

    /// - Throws: what the value's own `encode` throws; never for a number.
    public static func data(
        _ value: some Encodable,
        _ formatting: JSONEncoder.OutputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    ) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = formatting
        do { return try encoder.encode(value) } catch EncodingError.invalidValue(let number, _)
            where number is any BinaryFloatingPoint
        {
            encoder.nonConformingFloatEncodingStrategy = .convertToString(
                positiveInfinity: marker, negativeInfinity: marker, nan: marker)
        }
        let quoted = try encoder.encode(marker)
        var data = try encoder.encode(value)
        while let place = data.range(of: quoted) {
            data.replaceSubrange(place, with: Data("null".utf8))
        }
        return data
    }

    /// The same as text. Throws what `data` throws.
    public static func text(
        _ value: some Encodable,
        _ formatting: JSONEncoder.OutputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    ) throws -> String {
        String(decoding: try data(value, formatting), as: UTF8.self)
    }
}
