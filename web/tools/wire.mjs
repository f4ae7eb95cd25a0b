// wire.mjs - TypeScript of the wire: what `normlab.v1` looks like as JSON, and how an experiment's fields lie in a JobSpec.
//
//   node tools/wire.mjs descriptors.bin src/api/wire.ts
//
// JSON is proto3's with the protos' own field names; fields without presence are always there in answers (docs/DECISIONS.md).
import { readFileSync, writeFileSync } from "node:fs";
import { ScalarType, createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

const PACKAGE = "normlab.v1.";
const WELL_KNOWN = { "google.protobuf.Timestamp": "string", "google.protobuf.Duration": "string", "google.protobuf.FieldMask": "string" };
const LONG = new Set([ScalarType.INT64, ScalarType.UINT64, ScalarType.SINT64, ScalarType.FIXED64, ScalarType.SFIXED64]);

const nameOf = (type) => WELL_KNOWN[type.typeName] ?? type.typeName.slice(PACKAGE.length).replaceAll(".", "_");

function scalar(type) {
  if (type === ScalarType.BOOL) return "boolean";
  if (type === ScalarType.STRING) return "string";
  if (type === ScalarType.BYTES) return "Base64";
  if (LONG.has(type)) return "Long";
  return type === ScalarType.DOUBLE || type === ScalarType.FLOAT ? "Double" : "number";
}

const valueOf = (kind, field) => (kind === "message" ? nameOf(field.message) : kind === "enum" ? nameOf(field.enum) : scalar(field.scalar));

function typeOf(field) {
  if (field.fieldKind === "list") return `${valueOf(field.listKind, field)}[]`;
  if (field.fieldKind === "map") return `Record<string, ${valueOf(field.mapKind, field)}>`;
  return valueOf(field.fieldKind, field);
}

const hasPresence = (field) => field.fieldKind === "message" || field.oneof !== undefined || field.proto.proto3Optional;

function* messagesOf(holder) {
  for (const message of holder.messages ?? holder.nestedMessages) {
    if (message.proto.options?.mapEntry) continue;
    yield message;
    yield* messagesOf(message);
  }
}
function* enumsOf(file) {
  yield* file.enums;
  for (const message of messagesOf(file)) yield* message.nestedEnums;
}

function interfaceOf(message) {
  const fields = message.fields.map((f) => `  ${f.name}${hasPresence(f) ? "?" : ""}: ${typeOf(f)};`);
  return `export interface ${nameOf(message)} {\n${fields.join("\n")}\n}`;
}

const enumOf = (type) => `export type ${nameOf(type)} = ${type.values.map((v) => JSON.stringify(v.name)).join(" | ")};`;

function methodsOf(service) {
  return service.methods.map((m) => {
    const kind = { unary: "unary", server_streaming: "stream", client_streaming: "upload", bidi_streaming: "both" }[m.methodKind];
    return `  "${service.name}/${m.name}": { request: ${nameOf(m.input)}; answer: ${nameOf(m.output)}; kind: "${kind}" };`;
  });
}

// "batch_size" -> ["batch_size"]; "learning_rate" -> ["optimization", "learning_rate"]; of an enum what its values begin with.
function slotsOf(message, path = []) {
  return message.fields.flatMap((field) => {
    if (field.fieldKind === "message") return slotsOf(field.message, [...path, field.name]);
    const slot = { path: [...path, field.name] };
    if (field.fieldKind === "enum") slot.prefix = field.enum.sharedPrefix.toUpperCase();
    return [[field.name, slot]];
  });
}

function experimentsOf(registry) {
  const spec = registry.getMessage(`${PACKAGE}JobSpec`);
  const oneof = spec.oneofs.find((o) => o.name === "experiment");
  return Object.fromEntries(oneof.fields.map((field) => [field.name, Object.fromEntries(slotsOf(field.message))]));
}

const [, , input, output] = process.argv;
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(input)));
const files = [...registry.files].filter((file) => file.proto.package === "normlab.v1");
const parts = [
  "// Made by tools/wire.mjs from proto/normlab/v1; not edited by hand.",
  "export type Long = string; // 64-bit integers",
  'export type Double = number | "NaN" | "Infinity" | "-Infinity";',
  "export type Base64 = string;",
  ...files.flatMap((file) => [...enumsOf(file)].map(enumOf)),
  ...files.flatMap((file) => [...messagesOf(file)].map(interfaceOf)),
  `export interface Methods {\n${files.flatMap((f) => f.services.flatMap(methodsOf)).join("\n")}\n}`,
  "export interface Slot { path: string[]; prefix?: string }",
  `export const SLOTS: Record<string, Record<string, Slot>> = ${JSON.stringify(experimentsOf(registry))};`,
];
writeFileSync(output, `${parts.join("\n")}\n`);
