import Events

/// Writes what an inference found as a mapping.
struct InferredMapping {
    private let facts: MappingInference

    init(_ facts: MappingInference) { self.facts = facts }

    /// Words that a key may be, without its punctuation, the likeliest first.
    private static let words: [FieldName: [String]] = [
        .eventID: ["eventid", "messageid", "uuid", "insertid", "id"],
        .ts: [
            "eventtimestamp", "timestamp", "ts", "eventtime", "occurredat", "time", "createdat",
            "datetime", "date", "at", "paidat", "updatedat",
        ],
        .userID: [
            "userid", "customerid", "visitorid", "shopperid", "user", "clientid", "anonymousid",
            "sessionid",
        ],
        .itemID: [
            "itemid", "productid", "sku", "variantid", "articleid", "item", "product", "id",
        ],
        .price: ["listprice", "originalprice", "price", "unitprice", "amount", "value"],
        .quantity: ["quantity", "qty", "count", "units"],
        .orderID: ["orderid", "transactionid", "purchaseid", "ordernumber", "order"],
        .sessionID: ["sessionid", "session"],
        .title: ["title", "name", "productname", "itemname"],
        .category: ["category", "producttype", "categorycode", "itemcategory"],
        .brand: ["brand", "vendor", "manufacturer", "itembrand"],
        .cost: ["cost", "costprice", "purchaseprice"],
        .stock: ["stock", "inventory", "inventoryquantity", "available"],
    ]
    private static let kinds: [(EventType?, [String])] = [
        (.refund, ["refund", "return"]),
        (.purchase, ["purchase", "order", "transaction", "bought", "checkout_completed", "sale"]),
        (nil, ["cart", "wishlist", "checkout", "search", "login", "page"]),
        (.impression, ["impression", "list"]),
        (.item, ["product_updated", "item_updated", "catalog"]),
        (.click, ["view", "click", "detail"]),
    ]
    private static let kindKeys = [
        "eventname", "eventtype", "event", "type", "action", "kind", "name",
    ]

    func yaml(unreadable: Int) -> String {
        var lines = [
            "# Proposed from \(facts.documents.count) documents\(unreadable > 0 ? ", \(unreadable) more could not be read" : "").",
            "# Every line with 'guess' is one: read it, and try the mapping with",
            "# 'tidemark map --try SAMPLE --mapping THIS_FILE'.",
        ]
        if let currency = path(["currency", "currencycode"], facts.paths) {
            lines += ["currency:", "  field: \(currency)  # guess", ""]
        }
        lines.append("rules:")
        if let key = kindPath {
            let texts = facts.paths[key]?.texts ?? [:]
            for (text, count) in texts.sorted(by: { ($1.value, $0.key) < ($0.value, $1.key) }) {
                let type = Self.type(of: text)
                lines.append("  - name: \(Self.quoted(text))")
                lines.append(
                    "    when: {path: \(key), equals: \(Self.quoted(text))}  # \(count) times")
                lines += rule(type, known: type != nil)
            }
        } else {
            lines.append("  - name: every record")
            lines += rule(.click, known: false)
        }
        lines += ["", "otherwise: dead_letter"]
        return lines.joined(separator: "\n") + "\n"
    }

    private func rule(_ type: EventType?, known: Bool) -> [String] {
        guard let type else { return ["    then: ignore  # guess"] }
        var lines = ["    then: \(type.rawValue)  # guess"]
        let array = arrayPath(for: type)
        if let array { lines.append("    each: \(array)  # guess") }
        lines.append("    fields:")
        let optional: [FieldName] =
            switch type {
            case .purchase: [.quantity, .orderID]
            case .refund: [.userID, .orderID, .itemID, .quantity]
            case .item: [.title, .category, .brand, .price, .cost, .stock]
            default: [.sessionID]
            }
        for field in Self.expected(of: type) + optional {
            lines.append(contentsOf: self.lines(of: field, type, array))
        }
        return lines
    }

    /// Fields that are named in a proposal though nothing looks like them.
    private static func expected(of type: EventType) -> [FieldName] {
        switch type {
        case .impression, .click, .purchase, .outcome:
            [.eventID, .ts, .userID, .itemID, .price]
        case .refund, .item, .erase, .identify, .objection: type.requiredFields
        }
    }

    private func lines(of field: FieldName, _ type: EventType, _ array: String?) -> [String] {
        let isRequired = Self.expected(of: type).contains(field)
        let inside = array.flatMap { facts.arrays[$0] } ?? [:]
        let words = Self.words[field] ?? []
        let ofElement: Set<FieldName> = [
            .itemID, .price, .quantity, .title, .category, .brand, .cost, .stock,
        ]
        if ofElement.contains(field), let path = path(words, inside) {
            return [
                "      \(field.text): \"@.\(path)\"  # guess, like \(inside[path]?.example ?? "")"
            ]
        }
        guard let path = path(words, facts.paths) else {
            return isRequired ? [Self.standIn(for: field, array)] : []
        }
        let known = facts.paths[path]
        let note = "  # guess, like \(known?.example ?? "")"
        switch field {
        case .ts:
            if let unit = known?.unit, unit != "ms" {
                return ["      ts: {path: \(path), time: \(unit)}\(note)"]
            }
            return known?.isZoned == false
                ? ["      ts: {path: \(path), time: iso, zone: UTC}\(note), its zone too"]
                : ["      ts: \(path)\(note)"]
        case .eventID where array != nil:
            return ["      event_id: {join: [\(path), {record: index}]}\(note)"]
        default: return ["      \(field.text): \(path)\(note)"]
        }
    }

    /// The line of a field that nothing looks like.
    private static func standIn(for field: FieldName, _ array: String?) -> String {
        switch field {
        case .ts:
            return "      ts: {record: timestamp}  # guess: no time was found, this is Kafka's"
        case .eventID:
            let index = array == nil ? "" : ", {record: index}"
            return
                "      event_id: {join: [{record: topic}, {record: partition}, {record: offset}\(index)]}"
                + "  # guess: no id was found; a record that is sent twice counts twice"
        default: return "      # \(field.text): not found, name a path"
        }
    }

    /// The path that ends with the earliest of the words, as one key or as two (`user.id`); of several
    /// the shortest.
    private func path(_ words: [String], _ known: [String: MappingInference.PathFacts]) -> String? {
        for word in words {
            let found = known.keys.filter { path in
                let keys = path.split(separator: ".").suffix(2)
                return Self.plain(Self.lastKey(path)) == word
                    || Self.plain(keys.joined()) == word
            }
            if let best = found.min(by: { ($0.count, $0) < ($1.count, $1) }) { return best }
        }
        return nil
    }

    /// The path that says what happened: few different texts, and a name for it.
    private var kindPath: String? {
        Self.kindKeys.lazy.compactMap { word in
            facts.paths.filter { path, known in
                Self.plain(Self.lastKey(path)) == word && known.numbers == 0
                    && known.texts.count <= 32
                    && known.texts.keys.contains { Self.type(of: $0) != nil }
            }.keys.min { ($0.count, $0) < ($1.count, $1) }
        }.first
    }

    /// The array whose elements look like items.
    private func arrayPath(for type: EventType) -> String? {
        let candidates = facts.arrays.filter { _, inside in
            path(Self.words[.itemID] ?? [], inside) != nil
                && (type == .refund || path(Self.words[.price] ?? [], inside) != nil)
        }
        guard type != .click || path(Self.words[.itemID]?.dropLast() ?? [], facts.paths) == nil
        else { return nil }
        return candidates.keys.min { ($0.count, $0) < ($1.count, $1) }
    }

    private static func type(of text: String) -> EventType? {
        let plain = text.lowercased()
        for (type, words) in kinds where words.contains(where: { plain.contains($0) }) {
            return type
        }
        return nil
    }

    private static func lastKey(_ path: String) -> String {
        String(path.split(separator: ".").last ?? "")
    }

    /// In small letters, without punctuation.
    private static func plain(_ key: String) -> String {
        String(key.lowercased().filter { $0.isLetter || $0.isNumber })
    }

    /// A text in YAML, whatever it holds.
    private static func quoted(_ text: String) -> String {
        let safe = text.allSatisfy {
            $0.isASCII && ($0.isLetter || $0.isNumber || " _.-".contains($0))
        }
        let isWord = text.first?.isLetter == true && text.last != " "
        if safe, isWord, Bool(text) == nil, text != "null" { return text }
        return MappingNode(.text(text, isPlain: false), line: 0).oneLine
    }
}
