#include "CSimdJSON.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

#include <simdjson.h>

namespace {

using namespace simdjson;

/// The part of a tape word that is not its type.
constexpr uint64_t payload_mask = (1ull << 56) - 1;

uint64_t load(const char *bytes) {
    uint64_t word;
    std::memcpy(&word, bytes, sizeof word);
    return word;
}

/// A key with its first and last eight bytes, which together are all of it up to sixteen.
struct Member {
    uint64_t head, tail, hash;
    const char *key;
    uint32_t length;

    /// Eight bytes from `given` on must be readable, as they are in simdjson's string buffer.
    Member(const char *given, uint32_t count) : key(given), length(count) {
        if (count >= 8) {
            head = load(given);
            tail = load(given + count - 8);
        } else {
            head = load(given) & ((1ull << (8 * count)) - 1);
            tail = 0;
        }
        hash = (head ^ (count * 0x9e3779b97f4a7c15ull)) * 0xff51afd7ed558ccdull;
        hash = (hash ^ (hash >> 32) ^ tail) * 0xc4ceb9fe1a85ec53ull;
        hash ^= hash >> 29;
    }

    bool operator==(const Member &other) const {
        return head == other.head && tail == other.tail && length == other.length
               && (length <= 16 || std::memcmp(key, other.key, length) == 0);
    }

    /// A total order in which equal keys are neighbours.
    bool operator<(const Member &other) const {
        if (hash != other.hash) return hash < other.hash;
        if (length != other.length) return length < other.length;
        return std::memcmp(key, other.key, length) < 0;
    }
};

/// The index of a member that repeats an earlier key, or `count`. May reorder `members`.
size_t repeated(Member *members, size_t count) {
    if (count <= 24) {
        for (size_t i = 1; i < count; i++)
            for (size_t j = 0; j < i; j++)
                if (members[i] == members[j]) return i;
        return count;
    }
    std::sort(members, members + count);
    for (size_t i = 1; i < count; i++)
        if (members[i - 1] == members[i]) return i;
    return count;
}

}  // namespace

struct tsj_parser {
    /// Where the walk stands in a container that is not closed yet.
    struct Frame {
        size_t node;           // the container's index
        size_t first_unknown;  // its first key in `members`
        uint64_t seen;         // the known names met; what is known needs no comparing
        uint32_t length;
        bool is_object;
    };

    dom::parser dom;
    std::unique_ptr<char[]> buffer;
    size_t capacity = 0;
    size_t depth_max;
    std::vector<tsj_node> nodes;  // as many as were ever needed; `count` are in use
    size_t count = 0;
    std::vector<Frame> frames;
    std::vector<Member> members;
    std::unique_ptr<char[]> name_bytes;
    std::vector<Member> names;
    std::vector<uint16_t> slots;  // open addressing, a power of two, at most a quarter full
    const char *detail = nullptr;
    size_t detail_length = 0;

    tsj_parser(const char *given, size_t given_length, size_t depth)
        : depth_max(depth), frames(depth), name_bytes(new char[given_length + 8]()) {
        std::memcpy(name_bytes.get(), given, given_length);
        for (size_t start = 0; start < given_length; start += names.back().length + 1) {
            const char *name = name_bytes.get() + start;
            names.emplace_back(name, static_cast<uint32_t>(std::strlen(name)));
        }
        size_t size = 16;
        while (size < 4 * names.size()) size *= 2;
        slots.assign(size, TSJ_UNNAMED);
        for (size_t i = 0; i < names.size(); i++) {
            size_t slot = names[i].hash & (size - 1);
            while (slots[slot] != TSJ_UNNAMED) slot = (slot + 1) & (size - 1);
            slots[slot] = static_cast<uint16_t>(i);
        }
    }

    uint16_t name_of(const Member &member) const {
        size_t mask = slots.size() - 1;
        for (size_t slot = member.hash & mask;; slot = (slot + 1) & mask) {
            uint16_t name = slots[slot];
            if (name == TSJ_UNNAMED || names[name] == member) return name;
        }
    }

    int failed(error_code error) {
        switch (error) {
        case SUCCESS: return TSJ_OK;
        case EMPTY: return TSJ_EMPTY;
        case UTF8_ERROR: return TSJ_NOT_UTF8;
        case DEPTH_ERROR: return TSJ_TOO_DEEP;
        case STRING_ERROR: return TSJ_BAD_ESCAPE;
        case NUMBER_ERROR:
        case NUMBER_OUT_OF_RANGE: return TSJ_BAD_NUMBER;
        case CAPACITY: return TSJ_TOO_LONG;
        case MEMALLOC: return TSJ_OUT_OF_MEMORY;
        default:
            detail = error_message(error);
            detail_length = std::strlen(detail);
            return TSJ_MALFORMED;
        }
    }

    /// Turns the tape into nodes in one pass, without recursion.
    ///
    /// simdjson's tape (doc/tape.md): words of a type in the top byte and a payload below; a root
    /// word at either end; a string's payload is where its length (32 bits) and bytes lie in the
    /// string buffer; a number has its 64 bits in the next word.
    int flatten() {
        const uint64_t *tape = dom.doc.tape.get();
        const uint8_t *strings = dom.doc.string_buf.get();
        const size_t end = static_cast<size_t>(tape[0] & payload_mask) - 1;
        // A value takes a word at least, a key one more that makes no node.
        nodes.resize(std::max(nodes.size(), end));
        tsj_node *out = nodes.data();
        size_t depth = 0;
        Frame *frame = nullptr;
        count = 0;
        for (size_t at = 1; at < end; at++) {
            uint64_t word = tape[at];
            char type = static_cast<char>(word >> 56);
            if (type == '}' || type == ']') {
                if (int code = close(*frame, out)) return code;
                depth--;
                frame = depth == 0 ? nullptr : &frames[depth - 1];
                continue;
            }
            tsj_node &node = out[count];
            node.key = nullptr;
            node.key_length = 0;
            node.name = TSJ_UNNAMED;
            if (frame != nullptr) {
                frame->length++;
                if (frame->is_object) {
                    if (int code = read_key(strings + (word & payload_mask), *frame, node))
                        return code;
                    word = tape[++at];
                    type = static_cast<char>(word >> 56);
                }
            }
            node.text = nullptr;
            node.length = 0;
            node.extent = 1;
            count++;
            switch (type) {
            case '"': {
                const uint8_t *text = strings + (word & payload_mask);
                node.kind = TSJ_STRING;
                std::memcpy(&node.length, text, sizeof node.length);
                node.text = reinterpret_cast<const char *>(text + sizeof node.length);
                break;
            }
            case 'l':
                node.kind = TSJ_INTEGER;
                node.bits = tape[++at];
                break;
            case 'd':
                node.kind = TSJ_DOUBLE;
                node.bits = tape[++at];
                break;
            case 'u': {
                double value = static_cast<double>(tape[++at]);
                node.kind = TSJ_DOUBLE;
                std::memcpy(&node.bits, &value, sizeof value);
                break;
            }
            case 't': node.kind = TSJ_TRUE; break;
            case 'f': node.kind = TSJ_FALSE; break;
            case 'n': node.kind = TSJ_NULL; break;
            case '{':
            case '[':
                if (depth == frames.size()) return TSJ_TOO_DEEP;
                node.kind = type == '{' ? TSJ_OBJECT : TSJ_ARRAY;
                frame = &frames[depth++];
                *frame = Frame{count - 1, members.size(), 0, 0, type == '{'};
                break;
            default: return TSJ_MALFORMED;
            }
        }
        return TSJ_OK;
    }

    int read_key(const uint8_t *text, Frame &frame, tsj_node &node) {
        std::memcpy(&node.key_length, text, sizeof node.key_length);
        node.key = reinterpret_cast<const char *>(text + sizeof node.key_length);
        Member member(node.key, node.key_length);
        node.name = name_of(member);
        if (node.name < 64) {
            uint64_t bit = 1ull << node.name;
            if (frame.seen & bit) return duplicate(member);
            frame.seen |= bit;
        } else {
            members.push_back(member);
        }
        return TSJ_OK;
    }

    int close(const Frame &frame, tsj_node *out) {
        size_t unknown = members.size() - frame.first_unknown;
        if (unknown > 1) {
            Member *first = members.data() + frame.first_unknown;
            size_t twice = repeated(first, unknown);
            if (twice != unknown) return duplicate(first[twice]);
        }
        members.erase(members.begin() + frame.first_unknown, members.end());
        out[frame.node].length = frame.length;
        out[frame.node].extent = static_cast<uint32_t>(count - frame.node);
        return TSJ_OK;
    }

    int duplicate(const Member &member) {
        detail = member.key;
        detail_length = member.length;
        return TSJ_DUPLICATE_KEY;
    }

    int reserve(size_t length) {
        if (length <= capacity) return TSJ_OK;
        size_t wanted = std::max(length, std::max<size_t>(2 * capacity, 4096));
        if (error_code error = dom.allocate(wanted, depth_max)) return failed(error);
        buffer.reset(new char[wanted + SIMDJSON_PADDING]());
        capacity = wanted;
        return TSJ_OK;
    }

    int parse(const void *text, size_t length) {
        count = 0;
        members.clear();
        detail = nullptr;
        detail_length = 0;
        if (length == 0) return TSJ_EMPTY;
        if (length > UINT32_MAX / 2) return TSJ_TOO_LONG;
        if (int code = reserve(length)) return code;
        std::memcpy(buffer.get(), text, length);
        std::memset(buffer.get() + length, 0, SIMDJSON_PADDING);
        if (error_code error = dom.parse(buffer.get(), length, false).error()) return failed(error);
        return flatten();
    }
};

extern "C" tsj_parser *tsj_create(const char *names, size_t names_length, size_t depth_max) {
    try {
        return new tsj_parser(names, names_length, depth_max);
    } catch (...) {
        return nullptr;
    }
}

extern "C" void tsj_destroy(tsj_parser *parser) { delete parser; }

extern "C" tsj_document tsj_parse(tsj_parser *parser, const void *text, size_t length) {
    tsj_document document{};
    try {
        document.code = parser->parse(text, length);
    } catch (...) {
        document.code = TSJ_OUT_OF_MEMORY;
    }
    if (document.code == TSJ_OK) {
        document.nodes = parser->nodes.data();
        document.count = parser->count;
    } else {
        document.detail = parser->detail;
        document.detail_length = parser->detail_length;
    }
    return document;
}
