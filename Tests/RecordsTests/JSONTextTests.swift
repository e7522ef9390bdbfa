import Foundation
import Records
import Testing

@Suite struct JSONTextTests {
    private struct Figures: Encodable {
        var name = "\u{1}not a finite number\u{1}"
        var numbers = [0.5, 1.7e308, Double.leastNonzeroMagnitude, -0.25]
        var float: Float = 0.5
        var missing: Double?
        var byName = ["a": 1.5]
    }

    @Test("a number that is none is null, wherever it stands; all else stays as it is")
    func nonFinite() throws {
        var figures = Figures(name: "n", numbers: [.nan, 1, .infinity], float: -.infinity)
        figures.byName = ["a": .nan, "b": 2]
        #expect(
            try JSONText.text(figures)
                == #"{"byName":{"a":null,"b":2},"float":null,"name":"n","numbers":[null,1,null]}"#)
    }

    @Test("where all numbers are finite the text is the encoder's own, whatever the texts say")
    func finite() throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        #expect(try JSONText.data(Figures()) == encoder.encode(Figures()))
    }

    @Test(
        "a number beyond an integer's range becomes the nearest one, and one that is none 0",
        arguments: [
            (0.9, 0), (-0.9, 0), (3.99, 3), (-3.99, -3), (1e300, .max), (-1e300, .min),
            (.infinity, .max), (.nan, 0), (0x1p63, .max), (-0x1p63, .min),
            (9_007_199_254_740_992, 9_007_199_254_740_992),
        ] as [(Double, Int)])
    func saturating(number: Double, whole: Int) {
        #expect(Int(saturating: number) == whole)
    }
}
