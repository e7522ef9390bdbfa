import Foundation
import Mapping
import Yams

/// Mappings and their tests as files of YAML, and as presets.
package enum MappingFile {
    /// The value of a text of YAML, with the lines it stands in.
    ///
    /// - Parameter name: what the text is called in errors.
    package static func node(
        yaml text: String, name: String
    ) throws(MappingProblems) -> MappingNode {
        let root: Node?
        do throws(ConfigurationError) {
            root = try YAMLText(text, place: name).compose()
        } catch {
            throw MappingProblems([
                MappingProblem(file: name, line: 0, message: error.message)
            ])
        }
        guard let root else {
            throw MappingProblems([MappingProblem(file: name, line: 0, message: "is empty")])
        }
        return MappingNode(root)
    }

    /// The text of a file.
    package static func text(path: String) throws(MappingProblems) -> String {
        func problem(_ message: String) -> MappingProblems {
            MappingProblems([MappingProblem(file: path, line: 0, message: message)])
        }
        let attributes = try? FileManager.default.attributesOfItem(
            atPath: (path as NSString).resolvingSymlinksInPath)
        // A pipe or a device has no end.
        guard attributes?[.type] as? FileAttributeType == .typeRegular,
            let data = FileManager.default.contents(atPath: path)
        else {
            throw problem("cannot be read: is it there, and a file?")
        }
        guard let text = String(validating: data, as: UTF8.self) else {
            throw problem("is not UTF-8 text")
        }
        return text
    }

    /// The mapping that a text of YAML is.
    ///
    /// - Parameter currency: the shop's, where the text does not say it or another is meant.
    package static func mapping(
        yaml text: String, name: String, currency: String? = nil
    ) throws(MappingProblems) -> Mapping {
        try Mapping(try node(yaml: text, name: name), file: name, currency: currency)
    }

    /// The mapping in a file.
    package static func mapping(
        path: String, currency: String? = nil
    ) throws(MappingProblems) -> Mapping {
        try mapping(yaml: try text(path: path), name: path, currency: currency)
    }

    /// The mapping that comes with Tidemark under a name.
    package static func mapping(
        preset: Preset, currency: String? = nil
    ) throws(MappingProblems) -> Mapping {
        try mapping(yaml: preset.yaml, name: "preset \(preset.rawValue)", currency: currency)
    }

    /// The tests in a file, with the mapping that they are of, which may lie beside them.
    package static func tests(path: String) throws(MappingProblems) -> (MappingTests, Mapping) {
        let tests = try MappingTests(
            try node(yaml: try text(path: path), name: path), file: path)
        if let name = tests.preset {
            guard let preset = Preset(rawValue: name) else {
                throw MappingProblems([
                    MappingProblem(
                        file: path, line: 0,
                        message: "there is no preset '\(name)'; there are \(Preset.listed)")
                ])
            }
            return (tests, try mapping(preset: preset, currency: tests.currency))
        }
        let folder = (path as NSString).deletingLastPathComponent
        let beside = (folder as NSString).appendingPathComponent(tests.mapping ?? "")
        return (tests, try mapping(path: beside, currency: tests.currency))
    }
}

extension MappingNode {
    init(_ node: Node) {
        let line = node.mark?.line ?? 0
        switch node {
        case .scalar(let scalar):
            let isPlain = scalar.style == .plain || scalar.style == .any
            self.init(
                isPlain && ["", "~", "null"].contains(scalar.string)
                    ? .null : .text(scalar.string, isPlain: isPlain), line: line)
        case .sequence(let sequence):
            self.init(.list(sequence.map { MappingNode($0) }), line: line)
        case .mapping(let mapping):
            self.init(
                .map(
                    mapping.map { key, value in
                        Entry(
                            key: key.string ?? "", line: key.mark?.line ?? 0,
                            value: MappingNode(value))
                    }), line: line)
        case .alias: self.init(.null, line: line)
        }
    }
}
