// What goes over the wire and comes back: events out of pieces, errors, values, specs.
import assert from "node:assert/strict";
import { test } from "node:test";
import { EventReader, errorOf } from "../../src/api/client";
import { changesOf, experimentOf, specOf, valuesOf } from "../../src/api/spec";
import { bytesOf, double, long, seconds, textOf } from "../../src/api/values";
import type { Experiment, Field, JobSpec } from "../../src/api/wire";

test("events come whole however the text is cut", () => {
  const text = ': nothing to say\n\ndata: {"a":1}\n\ndata: {"a":2}\r\n\r\nevent: end\ndata: {}\n\n';
  const expected = [
    { name: "message", data: '{"a":1}' },
    { name: "message", data: '{"a":2}' },
    { name: "end", data: "{}" },
  ];
  for (const size of [1, 2, 7, text.length]) {
    const reader = new EventReader();
    const events = [];
    for (let i = 0; i < text.length; i += size) events.push(...reader.push(text.slice(i, i + size)));
    assert.deepEqual(events, expected, `pieces of ${size}`);
  }
});

test("an error carries every field that is wrong", () => {
  const violation = { field: "requests[0].spec.mnist_mlp.batch_size", description: "is 0; expected >= 1" };
  const error = errorOf(
    {
      error: {
        status: "INVALID_ARGUMENT",
        message: "one field",
        details: [{ "@type": "x", field_violations: [violation] }, { "@type": "y" }],
      },
    },
    "",
  );
  assert.equal(error.status, "INVALID_ARGUMENT");
  assert.deepEqual(error.violations, [violation]);
  assert.equal(errorOf({}, "HTTP 502").message, "HTTP 502");
});

test("values of proto3's JSON", () => {
  assert.equal(long("55900"), 55900);
  assert.equal(long(undefined), 0);
  assert.equal(double("-Infinity"), -Infinity);
  assert.ok(Number.isNaN(double("NaN")));
  assert.equal(seconds("1970-01-01T00:01:00.500Z"), 60.5);
  assert.deepEqual([...bytesOf(["AQI=", "/w=="])], [1, 2, 255]);
  assert.equal(textOf([btoa("\u00c2"), btoa("\u00b1")]), "\u00b1", "a letter cut between two pieces");
});

const field = (name: string, type: string, default_value: string): Field => ({
  name,
  type,
  default_value,
  range: "",
  unit: "",
  meaning: "",
  choices: [],
});
const fields = [
  field("norm", "choice", "none"),
  field("batch_size", "int", "128"),
  field("learning_rate", "number", "1e-3"),
  field("batch_norm_logits", "bool", "true"),
];
const mnist: Experiment = { name: "mnist_mlp", summary: "", fields };

test("a spec sets the fields that are given, where they lie", () => {
  const spec = specOf(mnist, { norm: "layer", learning_rate: "0.002", batch_norm_logits: "false" }, "7");
  assert.deepEqual(spec, {
    seed: "7",
    mnist_mlp: { norm: "NORM_KIND_LAYER", optimization: { learning_rate: 0.002 }, batch_norm_logits: false },
  });
  assert.equal(experimentOf(spec), "mnist_mlp");
  assert.deepEqual(valuesOf(spec), { norm: "layer", learning_rate: "0.002", batch_norm_logits: "false" });
});

test("what is no number is sent as it is, for the server to say so", () => {
  assert.deepEqual(specOf(mnist, { batch_size: "many" }, "1"), { seed: "1", mnist_mlp: { batch_size: "many" } });
});

test("changes leave out what is as by default, however it is written", () => {
  const spec = {
    seed: "1",
    mnist_mlp: { norm: "NORM_KIND_LAYER", batch_size: 128, optimization: { learning_rate: 0.001 }, batch_norm_logits: true },
  } as unknown as JobSpec;
  assert.deepEqual(changesOf(valuesOf(spec), fields), [["norm", "layer"]]);
});
