import Daemon
import Engine
import Foundation
import Records
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

    @Test("a file of questions is answered as each question is, and a bad line is named")
    func file() throws {
        let (scratch, _) = try learned(views: true)
        let inquiry = try Inquiry(store: scratch.path + "/store", snapshot: "head", base: nil)
        func questions(_ lines: [String]) throws -> QuestionFile {
            let path = scratch.path + "/questions.jsonl"
            try Data(lines.joined(separator: "\n").utf8).write(to: URL(filePath: path))
            return try QuestionFile(path)
        }
        let lines = [
            #"{"user": "u1", "item": "kettle-1"}"#,
            #"{"user": "u2", "item": "kettle-2", "price": 30, "context": {"tier": "gold"}}"#,
            #"{"user": "u1", "item": "kettle-1", "view": true}"#,
            #"{"user": "u1", "item": "nothing"}"#,
        ]
        let asked = try questions(lines)
        let first = try asked.next(3)
        #expect(first.count == 3)
        let rest = try asked.next(3)
        #expect(rest.map(\.place) == ["\(scratch.path)/questions.jsonl, line 4"])
        #expect(try asked.next(3).isEmpty)
        let answers = try inquiry.recommend((first + rest).map(\.question))
        let alone = [
            try inquiry.recommend(userID: "u1", itemID: "kettle-1", price: nil),
            try inquiry.recommend(
                userID: "u2", itemID: "kettle-2", price: 30, context: [("tier", "gold")]),
            try inquiry.recommend(userID: "u1", itemID: "kettle-1", price: nil, isView: true),
        ]
        for (answer, alone) in zip(answers, alone) {
            #expect(try JSONText.text(answer.get()) == JSONText.text(alone))
        }
        let unpriced = #expect(throws: InquiryError.self) { try answers[3].get() }
        #expect(unpriced?.description.contains("no price") == true)

        let known = alone[0]
        for depth in known.demand {
            let margin =
                (20 * (1 - depth.discount) - 5) * depth.conversion
                * known.recommendation.expectedQuantity
            #expect(abs(try #require(depth.margin) - margin) < 1e-9)
        }
        let broken = try questions([lines[0], "[1]", lines[1]])
        #expect(try broken.next(3).count == 1)
        #expect(throws: BadLogLine.self) { try broken.next(3) }
        for (line, told) in [
            (#"{"user": "u1"}"#, "item: it is missing"), ("[1]", "must be a JSON object"),
            (#"{"user": "u1", "item": "a", "prize": 3}"#, "prize: there is no such field"),
            (#"{"user": "u1", "item": "a", "price": "3"}"#, "price"),
        ] {
            let error = #expect(throws: BadLogLine.self) { try questions([line]).next(1) }
            #expect(
                error?.description.contains("line 1: ") == true
                    && error?.description.contains(told) == true, "\(error?.description ?? "")")
        }
    }
}
