import Foundation

/// Reads small JSON files of a model folder, with errors that name the file and the key.
enum JSONFile {
    /// - Returns: `nil` when there is no such file.
    static func readIfPresent<Value: Decodable>(
        _ type: Value.Type, _ path: String
    ) throws(EncoderError) -> Value? {
        FileManager.default.fileExists(atPath: path) ? try read(type, path) : nil
    }

    static func read<Value: Decodable>(
        _ type: Value.Type, _ path: String
    ) throws(EncoderError) -> Value {
        let data = Data(try FileBytes.read(path).bytes)
        do {
            return try JSONDecoder().decode(type, from: data)
        } catch let error as DecodingError {
            throw .malformed(file: path, reason: explain(error))
        } catch {
            throw .malformed(file: path, reason: reason(error))
        }
    }

    /// What the system says, without the class names around it.
    static func reason(_ error: any Error) -> String {
        let underlying = (error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError
        if let underlying, underlying.domain == NSPOSIXErrorDomain {
            return unsafe String(cString: strerror(Int32(underlying.code)))
        }
        return (error as NSError).localizedDescription
    }

    private static func explain(_ error: DecodingError) -> String {
        func path(_ context: DecodingError.Context) -> String {
            context.codingPath.map(\.stringValue).joined(separator: ".")
        }
        switch error {
        case .keyNotFound(let key, _): return "'\(key.stringValue)' is missing"
        case .typeMismatch(let type, let context):
            return "'\(path(context))' is not of the type \(type)"
        case .valueNotFound(_, let context): return "'\(path(context))' is null"
        case .dataCorrupted(let context):
            let place = path(context)
            return place.isEmpty ? "it is not JSON" : "'\(place)': \(context.debugDescription)"
        @unknown default: return "it is not the JSON that is expected"
        }
    }
}
