import Daemon
import Engine
import Foundation
import Testing

/// `recommend`, about visits and about views.
@Suite struct InquiryTests {
    /// Views of which a third are clicked and of those some bought, more of them at a discount; or visits.
    private func learned(views: Bool) throws -> (scratch: Scratch, report: Report) {
        let scratch = try Scratch()
        let rows = (0..<900).map { number in
            let discounted = number % 2 == 0
            let clicked = number % (discounted ? 3 : 5) == 0
            let bought = clicked && number % 7 < 3
            return """
                {"type":"outcome","event_id":"o-\(number)","ts":\(ShopStream.startMs + Int64(number) * 1000),\
                "user_id":"u\(number % 37)","item_id":"kettle-\(number % 4)","price":20,\
                "discount":\(discounted ? 0.2 : 0),\(views ? "\"clicked\":\(clicked)," : "")\
                "purchased":\(bought),"quantity":3}
                """
        }
        let items = (0..<4).map { item in
            """
            {"type":"item","event_id":"i-\(item)","ts":1700000000000,"item_id":"kettle-\(item)","title":"kettle \(item)",\
            "category":"kettles","price":20,"cost":5}
            """
        }
        let report = try Replay(
            try ShopStream.configuration(), events: [try scratch.log(items + rows)], catalog: nil,
            store: scratch.path + "/store"
        ).run()
        return (scratch, report)
    }

    @Test("a view is answered by the product of click and purchase, and the report tells of both")
    func views() throws {
        let (scratch, report) = try learned(views: true)
        #expect(report.viewEffects != nil && report.effects == nil)
        #expect(try #require(report.quantity).count > 0)
        let inquiry = try Inquiry(store: scratch.path + "/store", snapshot: "head", base: nil)
        let view = try inquiry.recommend(
            userID: "u1", itemID: "kettle-1", price: nil, isView: true)
        let visit = try inquiry.recommend(userID: "u1", itemID: "kettle-1", price: nil)
        for (one, other) in zip(view.demand, visit.demand) {
            #expect(one.conversion < other.conversion)
        }
        #expect(view.recommendation.expectedQuantity == visit.recommendation.expectedQuantity)
        #expect(view.recommendation.expectedQuantity > 2)
        #expect(view.recommendation.reasons.contains { $0.name.hasPrefix("click: ") })
    }

    @Test("who learned no views says so, and answers about visits")
    func noViews() throws {
        let (scratch, report) = try learned(views: false)
        #expect(report.viewEffects == nil && report.effects != nil)
        let inquiry = try Inquiry(store: scratch.path + "/store", snapshot: "head", base: nil)
        let error = #expect(throws: InquiryError.self) {
            try inquiry.recommend(userID: "u1", itemID: "kettle-1", price: nil, isView: true)
        }
        #expect(error?.description.contains("--view") == true)
        #expect(try inquiry.recommend(userID: "u1", itemID: "kettle-1", price: nil).itemKnown)
    }
}
