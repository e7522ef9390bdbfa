import Pricing
import Records
import Testing

/// Whom offers are made to.
@Suite struct AudienceTests {
    private static let hashes = (0..<20_000).map { StableHash.of("live", "u\($0)") }

    private static func count(_ audience: OfferAudience, _ category: String? = nil) -> Int {
        hashes.count { audience.contains(userHash: $0, category: category) }
    }

    @Test("a share is that share of shoppers, and raising it keeps all who were among them")
    func shares() {
        #expect(Self.count(OfferAudience()) == 20_000)
        var (small, large, none) = (OfferAudience(), OfferAudience(), OfferAudience())
        (small.share, large.share, none.share) = (0.01, 0.3, 0)
        #expect((150...250).contains(Self.count(small)) && Self.count(none) == 0)
        #expect((5_800...6_200).contains(Self.count(large)))
        #expect(
            Self.hashes.allSatisfy {
                !small.contains(userHash: $0, category: nil)
                    || large.contains(userHash: $0, category: nil)
            })
    }

    @Test("a category's own share holds for what lies below it, and the longest name counts")
    func categories() {
        var audience = OfferAudience()
        audience.share = 0
        audience.categoryShares = ["Wine": 1, "Wine / Red": 0.5]
        #expect(Self.count(audience, "Tea") == 0 && Self.count(audience) == 0)
        #expect(Self.count(audience, "Wine / White") == 20_000)
        #expect((9_700...10_300).contains(Self.count(audience, "Wine / Red / Rioja")))
        #expect(Self.count(audience, "Wineglasses") == 0)
    }

    @Test("a share that is none is refused by its key")
    func refused() {
        var configuration = PricingConfiguration()
        configuration.audience.categoryShares = ["Wine": 1.5]
        #expect {
            try configuration.validate()
        } throws: {
            "\($0)".contains("live_categories: Wine")
        }
    }
}
