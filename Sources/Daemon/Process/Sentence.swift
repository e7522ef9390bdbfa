import Foundation

/// What an error says to people, in a sentence.
///
/// Our own errors have one. Of those of Swift and Foundation that can come from outside it is made
/// here, since what they print of themselves is a dump of their insides.
public func sentence(of error: any Error) -> String {
    switch error {
    case let error as DecodingError: explain(error)
    case let error as EncodingError:
        switch error {
        case .invalidValue(_, let context): "\(place(context.codingPath)) cannot be written as JSON"
        @unknown default: "something cannot be written as JSON"
        }
    case let error where type(of: error) is NSError.Type || error is any CustomNSError:
        explain(error as NSError)
    case let error as any CustomStringConvertible: error.description
    default: "an error of the kind \(type(of: error)), which says no more of itself"
    }
}

private func explain(_ error: DecodingError) -> String {
    switch error {
    case .keyNotFound(let key, let context):
        "'\(key.stringValue)' is missing"
            + (context.codingPath.isEmpty ? "" : " in \(place(context.codingPath))")
    case .typeMismatch(let type, let context):
        "\(place(context.codingPath)) is not \(kind(of: type))"
    case .valueNotFound(_, let context): "\(place(context.codingPath)) is null"
    case .dataCorrupted(let context):
        context.codingPath.isEmpty
            ? "it is not JSON" : "\(place(context.codingPath)) has a value that it cannot have"
    @unknown default: "it is not the JSON that is expected"
    }
}

private func place(_ path: [any CodingKey]) -> String {
    guard !path.isEmpty else { return "the whole" }
    let names = path.map { key in key.intValue.map(String.init) ?? key.stringValue }
    return "'\(names.joined(separator: "."))'"
}

private func kind(of type: any Any.Type) -> String {
    switch type {
    case is String.Type: "a text"
    case is Bool.Type: "true or false"
    case is Double.Type, is Float.Type: "a number"
    case is any FixedWidthInteger.Type: "a whole number"
    case is any Sequence.Type: "a list or an object"
    default: "what is expected"
    }
}

/// What the system called it before Foundation did.
///
/// Source: Foundation, `CocoaError.Code`.
private let systemCodes: [Int: Int32] = [
    4: ENOENT, 260: ENOENT, 257: EACCES, 513: EACCES, 516: EEXIST, 640: ENOSPC, 642: EROFS,
]

/// The system's reason and the file, where there are such.
private func explain(_ error: NSError) -> String {
    let underlying = error.userInfo[NSUnderlyingErrorKey] as? NSError
    var reason = error.localizedDescription
    for error in [underlying, error].compactMap({ $0 })
    where error.domain == NSPOSIXErrorDomain {
        reason = unsafe String(cString: strerror(Int32(error.code)))
        break
    }
    if error.domain == NSCocoaErrorDomain, let code = systemCodes[error.code] {
        reason = unsafe String(cString: strerror(code))
    }
    guard let path = error.userInfo[NSFilePathErrorKey] as? String else { return reason }
    return "\(path): \(reason)"
}
