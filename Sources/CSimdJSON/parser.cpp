#include "CSimdJSON.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include <simdjson.h>

namespace {

using namespace simdjson;

/// Length and the outer bytes: enough to tell a schema's field names apart; equality of hashes is
/// always confirmed on the bytes.
uint64_t hash_of(const char *key, size_t length) {
    uint64_t head = 0, tail = 0;
    if (length >= 8) {
        std::memcpy(&head, key, 8);
        std::memcpy(&tail, key + length - 8, 8);
    } else {
        std::memcpy(&head, key, length);
    }
    uint64_t hash = (head ^ (length * 0x9e3779b97f4a7c15ull)) * 0xff51afd7ed558ccdull;
    hash = (hash ^ (hash >> 32) ^ tail) * 0xc4ceb9fe1a85ec53ull;
    return hash ^ (hash >> 29);
}

struct Member {
    uint64_t hash;
    const char *key;
    size_t length;
};

bool same(const Member &a, const Member &b) {
    return a.hash == b.hash && a.length == b.length && std::memcmp(a.key, b.key, a.length) == 0;
}

/// A total order in which equal keys are neighbours.
bool before(const Member &a, const Member &b) {
    if (a.hash != b.hash) return a.hash < b.hash;
    if (a.length != b.length) return a.length < b.length;
    return std::memcmp(a.key, b.key, a.length) < 0;
}

/// The index of a member that repeats an earlier key, or `count`. May reorder `members`.
size_t repeated(Member *members, size_t count) {
    if (count <= 24) {
        for (size_t i = 1; i < count; i++)
            for (size_t j = 0; j < i; j++)
                if (members[i].hash == members[j].hash && same(members[i], members[j])) return i;
        return count;
    }
    std::sort(members, members + count, before);
    for (size_t i = 1; i < count; i++)
        if (same(members[i - 1], members[i])) return i;
    return count;
}

}  // namespace

struct tsj_parser {
    dom::parser dom;
    std::unique_ptr<char[]> buffer;
    size_t capacity = 0;
    size_t depth_max;
    std::vector<tsj_node> nodes;
    std::vector<Member> members;
    std::vector<std::string> names;
    std::vector<uint16_t> slots;  // open addressing, a power of two, at most a quarter full
    const char *detail = nullptr;
    size_t detail_length = 0;

    tsj_parser(const char *given, size_t given_length, size_t depth) : depth_max(depth) {
        for (size_t start = 0; start < given_length; start += names.back().size() + 1)
            names.emplace_back(given + start);
        size_t size = 16;
        while (size < 4 * names.size()) size *= 2;
        slots.assign(size, TSJ_UNNAMED);
        for (size_t i = 0; i < names.size(); i++) {
            size_t slot = hash_of(names[i].data(), names[i].size()) & (size - 1);
            while (slots[slot] != TSJ_UNNAMED) slot = (slot + 1) & (size - 1);
            slots[slot] = static_cast<uint16_t>(i);
        }
    }

    uint16_t name_of(const Member &member) const {
        size_t mask = slots.size() - 1;
        for (size_t slot = member.hash & mask;; slot = (slot + 1) & mask) {
            uint16_t name = slots[slot];
            if (name == TSJ_UNNAMED) return name;
            const std::string &text = names[name];
            if (text.size() == member.length
                && std::memcmp(text.data(), member.key, member.length) == 0)
                return name;
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

    /// Appends `element` and all it holds. The parser's depth bound bounds the recursion.
    int add(dom::element element, tsj_node node) {
        switch (element.type()) {
        case dom::element_type::NULL_VALUE: node.kind = TSJ_NULL; break;
        case dom::element_type::BOOL:
            node.kind = bool(element.get_bool().value_unsafe()) ? TSJ_TRUE : TSJ_FALSE;
            break;
        case dom::element_type::INT64:
            node.kind = TSJ_INTEGER;
            node.bits = static_cast<uint64_t>(element.get_int64().value_unsafe());
            break;
        case dom::element_type::UINT64:
            return add_double(static_cast<double>(element.get_uint64().value_unsafe()), node);
        case dom::element_type::DOUBLE:
            return add_double(element.get_double().value_unsafe(), node);
        case dom::element_type::STRING: {
            std::string_view text = element.get_string().value_unsafe();
            node.kind = TSJ_STRING;
            node.text = text.data();
            node.length = static_cast<uint32_t>(text.size());
            break;
        }
        case dom::element_type::ARRAY: return add_array(element.get_array().value_unsafe(), node);
        case dom::element_type::OBJECT:
            return add_object(element.get_object().value_unsafe(), node);
        }
        node.extent = 1;
        nodes.push_back(node);
        return TSJ_OK;
    }

    int add_double(double value, tsj_node node) {
        node.kind = TSJ_DOUBLE;
        std::memcpy(&node.bits, &value, sizeof value);
        node.extent = 1;
        nodes.push_back(node);
        return TSJ_OK;
    }

    int add_array(dom::array array, tsj_node node) {
        size_t index = nodes.size();
        node.kind = TSJ_ARRAY;
        nodes.push_back(node);
        uint32_t count = 0;
        for (dom::element child : array) {
            tsj_node blank{};
            blank.name = TSJ_UNNAMED;
            if (int code = add(child, blank)) return code;
            count++;
        }
        nodes[index].length = count;
        nodes[index].extent = static_cast<uint32_t>(nodes.size() - index);
        return TSJ_OK;
    }

    int add_object(dom::object object, tsj_node node) {
        size_t index = nodes.size(), first = members.size();
        uint32_t count = 0;
        uint64_t seen = 0;  // the known names met; what is known needs no comparing
        node.kind = TSJ_OBJECT;
        nodes.push_back(node);
        for (dom::key_value_pair field : object) {
            Member member{hash_of(field.key.data(), field.key.size()), field.key.data(),
                          field.key.size()};
            tsj_node child{};
            child.key = member.key;
            child.key_length = static_cast<uint32_t>(member.length);
            child.name = name_of(member);
            if (child.name < 64) {
                uint64_t bit = 1ull << child.name;
                if (seen & bit) return duplicate(member);
                seen |= bit;
            } else {
                members.push_back(member);
            }
            count++;
            if (int code = add(field.value, child)) return code;
        }
        size_t unknown = members.size() - first;
        size_t twice = repeated(members.data() + first, unknown);
        if (twice != unknown) return duplicate(members[first + twice]);
        members.resize(first);
        nodes[index].length = count;
        nodes[index].extent = static_cast<uint32_t>(nodes.size() - index);
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
        nodes.clear();
        members.clear();
        detail = nullptr;
        detail_length = 0;
        if (length == 0) return TSJ_EMPTY;
        if (length > UINT32_MAX / 2) return TSJ_TOO_LONG;
        if (int code = reserve(length)) return code;
        std::memcpy(buffer.get(), text, length);
        std::memset(buffer.get() + length, 0, SIMDJSON_PADDING);
        dom::element root;
        error_code error = dom.parse(buffer.get(), length, false).get(root);
        if (error) return failed(error);
        tsj_node node{};
        node.name = TSJ_UNNAMED;
        return add(root, node);
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
        document.count = parser->nodes.size();
    } else {
        document.detail = parser->detail;
        document.detail_length = parser->detail_length;
    }
    return document;
}
