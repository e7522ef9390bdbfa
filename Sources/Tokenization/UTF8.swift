/// Appends the UTF-8 encoding of a scalar value.
@inline(__always)
func appendUTF8(_ scalar: UInt32, to bytes: inout [UInt8]) {
    func tail(_ shift: UInt32) -> UInt8 {
        0x80 | UInt8(truncatingIfNeeded: scalar >> shift) & 0x3F
    }
    if scalar < 0x80 {
        bytes.append(UInt8(truncatingIfNeeded: scalar))
    } else if scalar < 0x800 {
        bytes.append(0xC0 | UInt8(truncatingIfNeeded: scalar >> 6))
        bytes.append(tail(0))
    } else if scalar < 0x10000 {
        bytes.append(0xE0 | UInt8(truncatingIfNeeded: scalar >> 12))
        bytes.append(tail(6))
        bytes.append(tail(0))
    } else {
        bytes.append(0xF0 | UInt8(truncatingIfNeeded: scalar >> 18))
        bytes.append(tail(12))
        bytes.append(tail(6))
        bytes.append(tail(0))
    }
}

/// The scalar that starts at `index` in valid UTF-8; `index` moves behind it.
@inline(__always)
func decodeScalar(_ bytes: borrowing Span<UInt8>, _ index: inout Int) -> UInt32 {
    let first = UInt32(bytes[index])
    if first < 0x80 {
        index += 1
        return first
    }
    func tail(_ offset: Int) -> UInt32 { UInt32(bytes[index + offset]) & 0x3F }
    if first < 0xE0 {
        defer { index += 2 }
        return (first & 0x1F) << 6 | tail(1)
    }
    if first < 0xF0 {
        defer { index += 3 }
        return (first & 0x0F) << 12 | tail(1) << 6 | tail(2)
    }
    defer { index += 4 }
    return (first & 0x07) << 18 | tail(1) << 12 | tail(2) << 6 | tail(3)
}
