import CRdKafka

extension ClientHandle {
    /// Hands a message over; its bytes are copied.
    func produce(_ message: KafkaMessage, token: UInt64) -> rd_kafka_resp_err_t {
        unsafe message.topic.withCString { topic in
            unsafe withBytes(message.key) { key in
                unsafe withBytes(message.value) { value in
                    var fields = unsafe [
                        field(RD_KAFKA_VTYPE_TOPIC) { unsafe $0.u.cstr = topic },
                        field(RD_KAFKA_VTYPE_PARTITION) {
                            unsafe $0.u.i32 = message.partition ?? -1
                        },
                        field(RD_KAFKA_VTYPE_MSGFLAGS) { unsafe $0.u.i = RD_KAFKA_MSG_F_COPY },
                        field(RD_KAFKA_VTYPE_KEY) {
                            unsafe $0.u.mem = .init(ptr: key.start, size: key.count)
                        },
                        field(RD_KAFKA_VTYPE_VALUE) {
                            unsafe $0.u.mem = .init(ptr: value.start, size: value.count)
                        },
                        field(RD_KAFKA_VTYPE_OPAQUE) {
                            unsafe $0.u.ptr = UnsafeMutableRawPointer(bitPattern: UInt(token))
                        },
                    ]
                    if let timestampMs = message.timestampMs {
                        unsafe fields.append(
                            field(RD_KAFKA_VTYPE_TIMESTAMP) { unsafe $0.u.i64 = timestampMs })
                    }
                    let headers = unsafe makeHeaders(message.headers)
                    if let headers = unsafe headers {
                        unsafe fields.append(
                            field(RD_KAFKA_VTYPE_HEADERS) { unsafe $0.u.headers = headers })
                    }
                    let code = unsafe produce(fields)
                    // The headers belong to librdkafka only once it has taken the message.
                    if code != RD_KAFKA_RESP_ERR_NO_ERROR, let headers = unsafe headers {
                        unsafe rd_kafka_headers_destroy(headers)
                    }
                    return code
                }
            }
        }
    }

    private func produce(_ fields: [rd_kafka_vu_t]) -> rd_kafka_resp_err_t {
        unsafe withPointer { client in
            let error = unsafe rd_kafka_produceva(client, fields, fields.count)
            guard let error = unsafe error else { return RD_KAFKA_RESP_ERR_NO_ERROR }
            defer { unsafe rd_kafka_error_destroy(error) }
            return unsafe rd_kafka_error_code(error)
        }
    }
}

private func field(_ type: rd_kafka_vtype_t, _ fill: (inout rd_kafka_vu_t) -> Void)
    -> rd_kafka_vu_t
{
    var field = unsafe rd_kafka_vu_t()
    unsafe field.vtype = type
    unsafe fill(&field)
    return unsafe field
}

private func makeHeaders(_ headers: [(name: String, value: [UInt8])]) -> OpaquePointer? {
    guard !headers.isEmpty else { return nil }
    let list = unsafe rd_kafka_headers_new(headers.count)
    for (name, value) in headers {
        _ = unsafe value.withUnsafeBytes { bytes in
            unsafe rd_kafka_header_add(list, name, -1, bytes.baseAddress, bytes.count)
        }
    }
    return unsafe list
}

/// Bytes for C: nil is a null pointer, and no bytes are a pointer that is not null, since Kafka
/// tells an empty value from none.
private func withBytes<Result>(
    _ bytes: [UInt8]?,
    _ body: ((start: UnsafeMutableRawPointer?, count: Int)) -> Result
) -> Result {
    guard let bytes else { return unsafe body((nil, 0)) }
    guard !bytes.isEmpty else {
        var none: UInt8 = 0
        return unsafe withUnsafeMutableBytes(of: &none) { unsafe body(($0.baseAddress, 0)) }
    }
    return unsafe bytes.withUnsafeBytes { buffer in
        // librdkafka copies and does not write; the field is merely not declared const.
        unsafe body((UnsafeMutableRawPointer(mutating: buffer.baseAddress), buffer.count))
    }
}

extension DeliveryResult {
    init(_ message: rd_kafka_message_t) {
        unsafe self.init(message.err, message.partition, message.offset)
    }

    init(_ code: rd_kafka_resp_err_t, _ partition: Int32, _ offset: Int64) {
        switch code {
        case RD_KAFKA_RESP_ERR_NO_ERROR: self = .delivered(partition: partition, offset: offset)
        case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
            self = .tooLarge
        case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION,
            RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION,
            RD_KAFKA_RESP_ERR_INVALID_RECORD, RD_KAFKA_RESP_ERR_POLICY_VIOLATION,
            RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR__INVALID_ARG:
            self = .refused(code: errorName(code))
        default: self = .unknown(code: errorName(code))
        }
    }
}
