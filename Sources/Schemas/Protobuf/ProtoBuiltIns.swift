/// Types that a file may import without a registry's knowing them.
enum ProtoBuiltIns {
    /// Scalars that `google/protobuf/wrappers.proto` wraps.
    static let wrapped = [
        "Double", "Float", "Int64", "UInt64", "Int32", "UInt32", "Bool", "String", "Bytes",
    ]

    /// Their declarations, by the files that bring them.
    ///
    /// Source: google/protobuf, google/type and confluent/type of the published `.proto` files.
    static func files() throws(SchemaError) -> [ProtoFile] {
        var files: [ProtoFile] = []
        for text in [protobuf, wrappers, types, confluent] {
            files.append(try ProtoSource.file(text))
        }
        return files
    }

    private static let protobuf = """
        package google.protobuf;
        message Timestamp { int64 seconds = 1; int32 nanos = 2; }
        message Duration { int64 seconds = 1; int32 nanos = 2; }
        message Any { string type_url = 1; bytes value = 2; }
        message Empty {}
        message FieldMask { repeated string paths = 1; }
        message Struct { map<string, Value> fields = 1; }
        enum NullValue { NULL_VALUE = 0; }
        message ListValue { repeated Value values = 1; }
        message Value {
            oneof kind {
                NullValue null_value = 1;
                double number_value = 2;
                string string_value = 3;
                bool bool_value = 4;
                Struct struct_value = 5;
                ListValue list_value = 6;
            }
        }
        """

    private static let wrappers =
        "package google.protobuf;"
        + wrapped.map { "message \($0)Value { \($0.lowercased()) value = 1; }" }.joined()

    private static let types = """
        package google.type;
        message Date { int32 year = 1; int32 month = 2; int32 day = 3; }
        message TimeOfDay { int32 hours = 1; int32 minutes = 2; int32 seconds = 3; int32 nanos = 4; }
        message Money { string currency_code = 1; int64 units = 2; int32 nanos = 3; }
        message Decimal { string value = 1; }
        message LatLng { double latitude = 1; double longitude = 2; }
        message Fraction { int64 numerator = 1; int64 denominator = 2; }
        message Interval {
            google.protobuf.Timestamp start_time = 1;
            google.protobuf.Timestamp end_time = 2;
        }
        """

    private static let confluent = """
        package confluent.type;
        message Decimal { bytes value = 1; uint32 precision = 2; int32 scale = 3; }
        """
}
