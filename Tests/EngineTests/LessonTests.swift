import Engine
import Events
import Testing

/// The table of what evidence teaches.
@Suite struct LessonTests {
    private static let censored = CensoredWeights(probability: 0.2, laterShare: 0.5)

    /// All that may be told of one example's purchase, in the order it is told.
    private static let courses: [[Evidence]] = [
        [.purchase(true)], [.purchase(false)],
        [.purchaseSoFar(true, lateShare: 0.3)],
        [.purchaseSoFar(false, lateShare: 0.3), .conversion(lateShare: 0.3)],
        [.purchaseSoFar(false, lateShare: 0.3), .expiry],
        [.purchaseSoFar(false, lateShare: 0.3), .closedEarly(censored, scale: 1.1)],
        [.closed(censored, scale: 1.1)],
    ]

    private static func example(clicked: Bool?) -> TrainingExample {
        let outcome = Event.Outcome(
            offer: Event.Offer(userID: "u", itemID: "i", price: 10, discount: 0.1),
            clicked: clicked, purchased: true)
        return TrainingExample(
            Event(eventID: "e", tsMs: 1, body: .outcome(outcome)), outcome, weightMax: 1_000)
    }

    @Test(
        "whatever is told of a purchase, it counts once, is scored once and is remembered once",
        arguments: courses, [nil, true, false] as [Bool?])
    func once(_ course: [Evidence], _ clicked: Bool?) {
        let lessons = course.flatMap { $0.lessons(Self.example(clicked: clicked), served: -1) }
        #expect(lessons.count(where: { $0.isNew }) == 1)
        #expect(lessons.count(where: { $0.scored != nil }) == 1)
        let inserted = lessons.count(where: {
            if case .insert = $0.memory { true } else { false }
        })
        #expect(inserted == 1)
        #expect(lessons.first { $0.subject != .merchant }?.isNew == true)
    }

    @Test(
        "the label that is scored last is the one that is learned, or what a correction would have been",
        arguments: courses)
    func labels(_ course: [Evidence]) throws {
        let lessons = course.flatMap { $0.lessons(Self.example(clicked: nil), served: -1) }
        let scored = try #require(lessons.last { $0.scored != nil })
        let first = try #require(lessons.first { $0.isNew })
        let isConverted = course.contains { if case .conversion = $0 { true } else { false } }
        #expect((scored.label != first.label) == isConverted)
    }

    @Test("a view teaches the effect of views, a visit that no view led to that of visits")
    func subjects() {
        for evidence in Self.courses.joined() {
            for clicked in [nil, true, false] as [Bool?] {
                let taught = Set(
                    evidence.lessons(Self.example(clicked: clicked), served: -1).map(\.subject))
                #expect(!taught.contains(clicked == nil ? .view : .visit))
                #expect(!taught.contains(.click))
            }
        }
    }

    @Test("the habit of a shop is learned once of an example, with its click or with its visit")
    func merchant() {
        let view = Self.example(clicked: true)
        let both =
            Evidence.click(true).lessons(view, served: nil)
            + Evidence.purchase(true).lessons(view, served: -1)
        #expect(both.count(where: { $0.subject == .merchant }) == 1)
        for course in Self.courses {
            let visit = course.flatMap {
                $0.lessons(Self.example(clicked: nil), served: -1)
            }
            #expect(visit.count(where: { $0.subject == .merchant }) == 1)
        }
    }

    @Test("a label that may still change weighs more as bought and less as not, the rarer the more")
    func early() {
        let weight = LabelWeight.early(lateShare: 0.4)
        let (bought, not) = (weight.value(true) { 0.1 }, weight.value(false) { 0.1 })
        #expect(bought > 1 && not < 1)
        // Learned as not bought first and as bought later: together the chance is the true one.
        let open = 1 - 0.1 + 0.1 * 0.4
        #expect(abs(bought * 0.1 / (bought * 0.1 + not * open) - 0.1) < 1e-12)
    }
}
