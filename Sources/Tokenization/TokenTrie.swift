/// A prefix tree over bytes, its edges in one open-addressed hash table.
///
/// A step costs one multiplication and, nearly always, one memory access; nothing is allocated by
/// a look-up. Edges are entered token by token, so a vocabulary of 30,000 is ready in milliseconds.
struct TokenTrie: Sendable {
    typealias Node = UInt32
    static let root: Node = 0

    /// `node << 8 | byte` of the edge in each slot, or `emptySlot`.
    private var keys: [UInt32]
    private var children: [Node]
    private var edgeCount = 0
    /// The token that ends at each node, -1 where none does.
    private var ids: [Int32] = [-1]

    private static let emptySlot = UInt32.max
    /// Nodes fit the 24 bits that a key leaves them, short of `emptySlot`.
    static let nodeCountMax = 1 << 24 - 1

    init() {
        keys = Array(repeating: Self.emptySlot, count: 64)
        children = Array(repeating: 0, count: 64)
    }

    /// The slot that holds the key, or the free one where it belongs.
    @inline(__always)
    private func slot(_ key: UInt32) -> Int {
        let mask = UInt32(truncatingIfNeeded: keys.count - 1)
        var slot = (key &* 0x9E37_79B1) ^ (key >> 15)
        slot = (slot ^ (slot >> 16)) & mask
        while true {
            let found = keys[Int(slot)]
            if found == key || found == Self.emptySlot { return Int(slot) }
            slot = (slot + 1) & mask
        }
    }

    /// The node one byte further, or `nil` where no token goes on that way.
    @inline(__always)
    func child(_ node: Node, _ byte: UInt8) -> Node? {
        let key = node << 8 | UInt32(byte)
        let slot = slot(key)
        return keys[slot] == key ? children[slot] : nil
    }

    /// The token that ends at the node, or -1.
    @inline(__always)
    func id(at node: Node) -> Int32 { ids[Int(node)] }

    /// The node reached from the root by all the bytes, or `nil`.
    func node(of bytes: some Sequence<UInt8>) -> Node? {
        var node = Self.root
        for byte in bytes {
            guard let next = child(node, byte) else { return nil }
            node = next
        }
        return node
    }

    /// The id of exactly these bytes, or `nil`.
    func id(of bytes: some Sequence<UInt8>) -> Int32? {
        guard let node = node(of: bytes), id(at: node) >= 0 else { return nil }
        return id(at: node)
    }

    /// Enters a token; of two with the same bytes, the later counts.
    ///
    /// Returns false, and enters nothing more, when the tree is full.
    mutating func insert(_ bytes: some Sequence<UInt8>, id: Int32) -> Bool {
        var node = Self.root
        for byte in bytes {
            let key = node << 8 | UInt32(byte)
            let found = slot(key)
            if keys[found] == key {
                node = children[found]
                continue
            }
            guard ids.count < Self.nodeCountMax else { return false }
            let made = Node(ids.count)
            ids.append(-1)
            keys[found] = key
            children[found] = made
            edgeCount += 1
            if 2 * edgeCount > keys.count { grow() }
            node = made
        }
        ids[Int(node)] = id
        return true
    }

    private mutating func grow() {
        let (oldKeys, oldChildren) = (keys, children)
        keys = Array(repeating: Self.emptySlot, count: 2 * oldKeys.count)
        children = Array(repeating: 0, count: keys.count)
        for (key, child) in zip(oldKeys, oldChildren) where key != Self.emptySlot {
            let free = slot(key)
            keys[free] = key
            children[free] = child
        }
    }

    /// The longest token that starts at `start`: its id and the index behind it.
    @inline(__always)
    func longestMatch(
        _ bytes: borrowing Span<UInt8>, from start: Int, under top: Node = root
    ) -> (id: Int32, end: Int)? {
        var node = top
        var index = start
        var best: (id: Int32, end: Int)?
        while index < bytes.count, let next = child(node, bytes[index]) {
            node = next
            index += 1
            let id = id(at: node)
            if id >= 0 { best = (id, index) }
        }
        return best
    }
}
