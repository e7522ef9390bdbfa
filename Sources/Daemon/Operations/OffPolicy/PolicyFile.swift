import Engine
import EventLog
import Events
import Records

/// A policy as a file gives it: JSON lines, each with the probabilities of discounts.
///
///     {"id": "0-1f0c…", "actions": [{"discount": 0, "probability": 0.2}, {"discount": 0.1, "probability": 0.8}]}
///
/// `id` is a recommendation's id or that of the event that told of the offer. A line may name an
/// `item_id` in its place, or neither: then it holds for every decision that no other line names.
struct PolicyFile {
    private let path: String
    private var byID: [String: PolicyActions] = [:]
    private var byItem: [String: PolicyActions] = [:]
    private var others: PolicyActions?

    /// - Throws: `BadLogLine` with file and line.
    init(_ path: String) throws {
        self.path = path
        let reader = try LogReader(path: path)
        let parser = JSONParser()
        while let entry = try reader.next() {
            let (record, refusal) = entry.input(topic: reader.topic)
            let place = "\(path), line \(entry.line)"
            func bad(_ reason: String) -> BadLogLine {
                BadLogLine(place: place, reason: reason)
            }
            if let refusal { throw bad(refusal.reason) }
            let document: JSONValue
            do throws(EventError) { document = try parser.value(record.value ?? []) } catch {
                throw bad(error.description)
            }
            do throws(DecisionLineError) {
                let actions = try PolicyActions(document)
                if document["id"] != nil {
                    let id = Recommendation.decision(of: try document.text("id"))
                    guard byID.updateValue(actions, forKey: id) == nil else {
                        throw DecisionLineError("'id' '\(id)' is there twice")
                    }
                } else if document["item_id"] != nil {
                    let item = try document.text("item_id")
                    guard byItem.updateValue(actions, forKey: item) == nil else {
                        throw DecisionLineError("'item_id' '\(item)' is there twice")
                    }
                } else {
                    guard others == nil else {
                        throw DecisionLineError("a second line names neither 'id' nor 'item_id'")
                    }
                    others = actions
                }
            } catch { throw bad(error.reason) }
        }
    }

    /// - Throws: where the file has nothing for the decision.
    func actions(of decision: JoinedDecision) throws -> PolicyActions {
        if let found = byID[decision.id] ?? byItem[decision.offer.itemID] ?? others { return found }
        throw BadLogLine(
            place: path,
            reason:
                "it has no line for decision '\(decision.id)' of item '\(decision.offer.itemID)' (\(decision.place)), and none that holds for all others"
        )
    }
}

/// Discounts with the probability of each; they sum to 1.
struct PolicyActions: Sendable {
    var discounts: [Double]
    var probabilities: [Double]

    init(discounts: [Double], probabilities: [Double]) {
        self.discounts = discounts
        self.probabilities = probabilities
    }

    /// One discount, certainly.
    init(certain discount: Double) { self.init(discounts: [discount], probabilities: [1]) }

    /// Each equally likely.
    init(evenly discounts: [Double]) {
        self.init(
            discounts: discounts,
            probabilities: discounts.map { _ in 1 / Double(discounts.count) })
    }

    fileprivate init(_ document: JSONValue) throws(DecisionLineError) {
        guard case .array(let elements)? = document["actions"], !elements.isEmpty else {
            throw DecisionLineError("'actions' must be a list of discounts with probabilities")
        }
        self.init(discounts: [], probabilities: [])
        for element in elements {
            discounts.append(try element.number("discount", 0..<1))
            probabilities.append(try element.number("probability", 0...1))
        }
        let sum = probabilities.reduce(0, +)
        guard abs(sum - 1) < 1e-6 else {
            throw DecisionLineError("the probabilities sum to \(sum), not to 1")
        }
        guard Set(discounts).count == discounts.count else {
            throw DecisionLineError("a discount is there twice")
        }
    }
}
