import Records

internal import CSimdJSON

/// Turns payloads into events, or says why they are none. No input makes it trap.
///
/// Thread: one at a time; keep one decoder a thread. It holds buffers as large as the largest
/// record seen, so at most a few times `recordBytesMax`.
@safe public final class EventDecoder {
    /// As it was given; it never changes.
    public let limits: EventLimits
    /// The top-level text field that arrives in `Event.extra`.
    public let extraField: String?

    private let parser: JSONParser
    private let extraSlot: Int
    /// Owned by this object, freed in `deinit`: where the parser's nodes have each known field,
    /// of the event and of the item inside it.
    private let slots: EventFields.Slots
    private let itemSlots: EventFields.Slots
    /// What `slots` were when they were kept.
    private let keptSlots: EventFields.Slots

    /// Allocates the parser.
    ///
    /// - Parameter extraField: a field that is read as text into `Event.extra`.
    public init(limits: EventLimits = EventLimits(), extraField: String? = nil) {
        self.limits = limits
        self.extraField = extraField
        var names = FieldName.allCases.map(\.text)
        if let extraField {
            extraSlot = names.firstIndex(of: extraField) ?? names.count
            if extraSlot == names.count { names.append(extraField) }
        } else {
            extraSlot = 0
        }
        parser = JSONParser(names: names)
        unsafe slots = .allocate(capacity: names.count)
        unsafe itemSlots = .allocate(capacity: names.count)
        unsafe keptSlots = .allocate(capacity: names.count)
        unsafe slots.initialize(repeating: nil)
        unsafe itemSlots.initialize(repeating: nil)
        unsafe keptSlots.initialize(repeating: nil)
    }

    deinit {
        unsafe keptSlots.deallocate()
        unsafe slots.deallocate()
        unsafe itemSlots.deallocate()
    }

    /// Decodes a record's payload and holds `ts` against the record's own timestamp.
    ///
    /// - Parameters:
    ///   - ignoring: types that are passed over.
    ///   - clockMs: when it was read; `nil` where there is no clock to hold `ts` against.
    public func decode(
        _ record: SourceRecord, defaultType: EventType? = nil, ignoring: Set<String> = [],
        clockMs: Int64? = nil
    ) throws(EventError) -> Event {
        guard let value = record.value else { throw .tombstone }
        let event = try decode(
            value, timestampMs: record.timestampMs, defaultType: defaultType, ignoring: ignoring)
        if let clockMs { try checkReading(event.tsMs, at: clockMs) }
        return event
    }

    /// Begins an event that is put together instead of parsed.
    package func beginPlacing() { unsafe slots.update(repeating: nil) }

    /// Takes a field from where it lies in a document, which must stay until the event is read.
    package func place(_ node: JSONNode, as field: FieldName) {
        unsafe slots[field.rawValue] = node.place
    }

    /// Keeps what was placed so far, to go back to.
    package func keepPlaces() { _ = unsafe keptSlots.update(fromContentsOf: slots) }

    /// Takes back what was placed since.
    package func goBackToKeptPlaces() { _ = unsafe slots.update(fromContentsOf: keptSlots) }

    /// Reads an event that was put together, as one of a record.
    ///
    /// - Parameters:
    ///   - written: what was not placed.
    ///   - timestampMs: the record's own time.
    ///   - clockMs: as of a record.
    package func decode(
        _ written: NodeWriter, timestampMs: Int64?, clockMs: Int64?
    ) throws(EventError) -> Event {
        let fields = unsafe EventFields(adding: written.event, to: slots)
        let event = try event(fields, timestampMs: timestampMs, defaultType: nil)
        if let clockMs { try checkReading(event.tsMs, at: clockMs) }
        return event
    }

    /// - Parameters:
    ///   - timestampMs: the record's own time; `nil` leaves the clock unchecked.
    ///   - defaultType: the type of payloads that name none.
    public func decode(
        _ bytes: [UInt8], timestampMs: Int64? = nil, defaultType: EventType? = nil,
        ignoring: Set<String> = []
    ) throws(EventError) -> Event {
        // The parser copies what it is given, so its nodes outlive the closure.
        let root = try unsafe bytes.withUnsafeBufferPointer { buffer throws(EventError) in
            unsafe try parse(UnsafeRawBufferPointer(buffer))
        }
        return try event(
            unsafe EventFields(root, slots: slots), timestampMs: timestampMs,
            defaultType: defaultType, ignoring: ignoring)
    }

    /// Decodes bytes that the caller owns; none are kept beyond the call.
    public func decode(
        _ bytes: UnsafeRawBufferPointer, timestampMs: Int64? = nil, defaultType: EventType? = nil
    ) throws(EventError) -> Event {
        let root = unsafe try parse(bytes)
        return try event(
            unsafe EventFields(root, slots: slots), timestampMs: timestampMs,
            defaultType: defaultType)
    }

    private func parse(_ bytes: UnsafeRawBufferPointer) throws(EventError) -> JSONNode {
        let root = unsafe try parser.parse(try limits.document(bytes))
        guard root.kind == TSJ_OBJECT else { throw .notAnObject(root.described) }
        return root
    }

    private func event(
        _ fields: EventFields, timestampMs: Int64?, defaultType: EventType?,
        ignoring: Set<String> = []
    ) throws(EventError) -> Event {
        // First of all: nothing else is known of what is of another type.
        if !ignoring.isEmpty, let type = fields.typeText(), ignoring.contains(type) {
            throw .ignored(type: type)
        }
        guard let type = try fields.type() ?? defaultType else { throw fields.missing(.type) }
        let eventID = try fields.requiredID(.eventID)
        let tsMs = try fields.ts()
        let body = try body(type, fields)
        let extra = try extraField.flatMap { name throws(EventError) in
            try fields.extra(slot: extraSlot, name: name)
        }
        if let timestampMs { try checkClock(tsMs, against: timestampMs) }
        return Event(eventID: eventID, tsMs: tsMs, body: body, extra: extra)
    }

    private func checkReading(_ tsMs: Int64, at clockMs: Int64) throws(EventError) {
        let (ahead, overflow) = tsMs.subtractingReportingOverflow(clockMs)
        if overflow || ahead > limits.skewMaxMs {
            throw .aheadOfClock(tsMs: tsMs, clockMs: clockMs, aheadMsMax: limits.skewMaxMs)
        }
    }

    private func checkClock(_ tsMs: Int64, against timestampMs: Int64) throws(EventError) {
        // The broker's clock may say anything; `tsMs` is bounded, so only one side can overflow.
        let (ahead, overflow) = tsMs.subtractingReportingOverflow(timestampMs)
        if overflow || ahead > limits.skewMaxMs {
            throw .clockSkew(aheadMs: overflow ? .max : ahead, aheadMsMax: limits.skewMaxMs)
        }
    }
}

extension EventLimits {
    /// The document that a payload is: not too long, and behind Confluent's wire format (a byte 0, a
    /// big-endian schema id of four bytes) the body; other payloads as they are.
    package func document(_ bytes: UnsafeRawBufferPointer)
        throws(EventError) -> UnsafeRawBufferPointer
    {
        guard bytes.count <= recordBytesMax else {
            throw .tooLarge(byteCount: bytes.count, byteCountMax: recordBytesMax)
        }
        guard unsafe bytes.first == 0 else { return unsafe bytes }
        guard bytes.count > 5 else { throw .framing("and ends before its body") }
        return unsafe UnsafeRawBufferPointer(rebasing: bytes[5...])
    }
}

// MARK: Bodies

extension EventDecoder {
    private func body(_ type: EventType, _ fields: EventFields) throws(EventError) -> Event.Body {
        switch type {
        case .impression: .impression(try offer(fields))
        case .click: .click(try offer(fields))
        case .purchase: .purchase(try purchase(fields))
        case .refund: .refund(try refund(fields))
        case .item:
            .item(try item(fields, itemID: try fields.requiredID(.itemID), isInline: false))
        case .outcome: .outcome(try outcome(fields))
        case .erase: .erase(userID: try fields.requiredID(.userID))
        case .identify: try identify(fields)
        case .objection: .objection(userID: try objector(fields))
        }
    }

    /// Whose the event is: the user, or of a guest the anonymous id or the visit. An id that many share says
    /// nothing where there is another one.
    private func shopperID(_ fields: EventFields) throws(EventError) -> String? {
        let userID = fields.isEmpty(.userID) ? nil : try fields.id(.userID)
        if let userID, limits.sharedIDs.isEmpty || !limits.sharedIDs.contains(userID) {
            return userID
        }
        for field in [FieldName.anonymousID, .sessionID] where !fields.isEmpty(field) {
            if let guest = try fields.id(field), !limits.sharedIDs.contains(guest) { return guest }
        }
        return userID
    }

    /// Who objects, as offers know it; nobody in particular objects under an id that many share.
    private func objector(_ fields: EventFields) throws(EventError) -> String {
        guard let id = try shopperID(fields) else { return try fields.requiredID(.userID) }
        guard !limits.sharedIDs.contains(id) else {
            throw .inconsistent(
                "user_id: \"\(shortened(id))\" is an id that many share (attribution.shared_ids), so nobody can object by it"
            )
        }
        return id
    }

    private func identify(_ fields: EventFields) throws(EventError) -> Event.Body {
        let userID = try fields.requiredID(.userID)
        let anonymousID = try fields.requiredID(.anonymousID)
        for (field, id) in [("user_id", userID), ("anonymous_id", anonymousID)]
        where limits.sharedIDs.contains(id) {
            throw .inconsistent(
                "\(field): \"\(shortened(id))\" is an id that many share (attribution.shared_ids), so nobody is joined by it"
            )
        }
        return .identify(anonymousID: anonymousID, userID: userID)
    }

    private func offer(_ fields: EventFields) throws(EventError) -> Event.Offer {
        // An empty id is a fault where nothing stands in its place.
        var shopper = try shopperID(fields)
        if shopper == nil { shopper = try fields.id(.userID) }
        guard let userID = shopper else { throw fields.missing(.userID) }
        let itemID = try fields.requiredID(.itemID)
        let price = try fields.number(.price, .positive)
        let item = fields.has(.item) ? try inlineItem(fields, itemID: itemID) : nil
        var offer = Event.Offer(
            userID: userID, itemID: itemID, price: price ?? 0,
            discount: try fields.number(.discount, .discount) ?? 0,
            recommendationID: try fields.id(.recommendationID),
            propensity: try fields.number(.propensity, .probability))
        offer.position = try fields.integer(.position, 0...EventLimits.positionMax)
        offer.sessionID = fields.isEmpty(.sessionID) ? nil : try fields.id(.sessionID)
        offer.context = try fields.attributes(.context, countMax: EventLimits.contextFieldsMax)
        offer.item = item
        return offer
    }

    private func inlineItem(_ fields: EventFields, itemID: String) throws(EventError) -> Event.Item?
    {
        guard let inline = unsafe try fields.object(.item, slots: itemSlots) else { return nil }
        if let inner = try inline.id(.itemID), !inner.utf8.elementsEqual(itemID.utf8) {
            throw .inconsistent(
                "item.item_id: must be the event's own item_id or be left out, not "
                    + "\"\(shortened(inner))\"")
        }
        return try item(inline, itemID: itemID, isInline: true)
    }

    private func purchase(_ fields: EventFields) throws(EventError) -> Event.Purchase {
        Event.Purchase(
            offer: try offer(fields),
            quantity: try fields.integer(.quantity, 1...EventLimits.quantityMax) ?? 1,
            paid: try fields.number(.paid, .notNegative),
            orderID: try fields.id(.orderID))
    }

    private func refund(_ fields: EventFields) throws(EventError) -> Event.Refund {
        let refund = Event.Refund(
            userID: try shopperID(fields),
            orderID: try fields.id(.orderID),
            purchaseEventID: try fields.id(.purchaseEventID),
            itemID: try fields.id(.itemID),
            quantity: try fields.integer(.quantity, 1...EventLimits.quantityMax))
        guard refund.orderID != nil || refund.purchaseEventID != nil else {
            throw .inconsistent("order_id: is missing, and so is purchase_event_id; one is needed")
        }
        return refund
    }

    private func outcome(_ fields: EventFields) throws(EventError) -> Event.Outcome {
        let clicked = try fields.bool(.clicked)
        let purchased = try fields.bool(.purchased)
        guard clicked != nil || purchased != nil else {
            throw .inconsistent("clicked: is missing, and so is purchased; one is needed")
        }
        return Event.Outcome(
            offer: try offer(fields), clicked: clicked, purchased: purchased,
            quantity: try fields.integer(.quantity, 1...EventLimits.quantityMax),
            samplingRate: try fields.number(.samplingRate, .probability))
    }

    private func item(_ fields: EventFields, itemID: String, isInline: Bool)
        throws(EventError) -> Event.Item
    {
        var item = Event.Item(
            itemID: itemID,
            title: try fields.text(.title, bytesMax: EventLimits.titleBytesMax))
        item.description = try fields.text(
            .description, bytesMax: EventLimits.descriptionBytesMax)
        item.category = try fields.text(.category, bytesMax: EventLimits.labelBytesMax)
        item.brand = try fields.text(.brand, bytesMax: EventLimits.labelBytesMax)
        item.attributes = try fields.attributes(
            .attributes, countMax: EventLimits.attributesMax)
        item.price = try fields.number(.price, .positive)
        item.cost = try fields.number(.cost, .notNegative)
        item.stock = try fields.number(.stock, .amount)
        item.minPrice = try fields.number(.minPrice, .notNegative)
        item.channel = try fields.text(.channel, bytesMax: EventLimits.labelBytesMax)
        item.deleted = try fields.bool(.deleted) ?? false
        if item.title == nil, !item.deleted, !isInline, fields.has(.title) || !item.tellsSomething {
            if fields.has(.title) {
                throw .invalid(field: "title", requirement: "a non-empty string", found: "\"\"")
            }
            throw fields.missing(.title)
        }
        return item
    }
}

extension Event.Item {
    /// Whether it tells a price, a cost or a stock: enough for an update of an item.
    fileprivate var tellsSomething: Bool {
        price != nil || cost != nil || stock != nil || minPrice != nil
    }
}
