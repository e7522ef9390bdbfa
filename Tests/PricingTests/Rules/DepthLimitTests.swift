import Pricing
import Testing

@Suite struct DepthLimitTests {
    @Test(
        "the smallest of the depths that concern an item holds, and the ones that bound are named")
    func smallest() throws {
        let free = try RuleFixture().decide()
        #expect(free.discount == 0.3 && free.rules == [])
        let category = try RuleFixture {
            $0.configuration.rules.categoryDepths = ["Kitchen": 0.25, "Kitchen / Kettles": 0.1]
        }.decide()
        #expect(category.discount == 0.1 && category.rules == [.categoryDepth])
        let brand = try RuleFixture { $0.configuration.rules.brandDepths = ["Boil": 0.2] }.decide()
        #expect(brand.discount == 0.2 && brand.rules == [.brandDepth])
        let item = try RuleFixture { $0.configuration.rules.itemDepths = ["kettle": 0] }.decide()
        #expect(item.discount == 0 && item.rules == [.itemDepth])
        let all = try RuleFixture {
            $0.configuration.maximumDepth = 0.15
            $0.configuration.rules.categoryDepths = ["Kitchen": 0.2]
            $0.configuration.rules.brandDepths = ["Boil": 0.5]
        }.decide()
        #expect(all.discount == 0.1 && all.rules == [.maximumDepth, .categoryDepth])
    }

    @Test("a category holds for what lies below it, and for nothing that merely begins like it")
    func paths() throws {
        for (category, bound) in [
            ("Kitchen", true), ("Kitchen / Kettles / Steel", true), ("Kitchen/Kettles", true),
            ("Kitchenware", false), ("kitchen", false), ("", false),
        ] {
            let decision = try RuleFixture {
                $0.circumstances.category = category
                $0.configuration.rules.categoryDepths = ["Kitchen": 0.1]
            }.decide()
            #expect((decision.discount == 0.1) == bound, "\(category)")
        }
        let unknown = try RuleFixture {
            $0.circumstances.category = nil
            $0.configuration.rules.categoryDepths = ["Kitchen": 0.1]
        }.decide()
        #expect(unknown.discount == 0.3)
    }

    @Test("a depth that is none is refused under its key", arguments: [-0.1, 1, .nan])
    func refused(depth: Double) {
        var configuration = PricingConfiguration()
        configuration.rules.categoryDepths = ["Wine": depth]
        #expect {
            try configuration.validate()
        } throws: {
            "\($0)".contains("pricing.rules.category_depth.Wine")
        }
    }
}
