// The parts of onnx.proto that are looked at here, by their field numbers. Fields that are not described, and whole messages of newer versions, are kept byte for byte.
// Source: onnx/onnx onnx/onnx.proto (IR version 10).
import { create, createFileRegistry, fromBinary, type Message, toBinary } from '@bufbuild/protobuf';
import { type DescriptorProto, FileDescriptorSetSchema, FieldDescriptorProto_Label as Label, FieldDescriptorProto_Type as Type } from '@bufbuild/protobuf/wkt';

export interface StringEntry {
  readonly key: string;
  readonly value: string;
}

/** Values are in one of the data fields, in raw_data (little endian), or in a file. */
export interface TensorProto {
  name: string;
  dims: bigint[];
  dataType: number;
  floatData: number[];
  int32Data: number[];
  int64Data: bigint[];
  doubleData: number[];
  rawData: Uint8Array;
  externalData: StringEntry[];
  /** 1: in a file. */
  dataLocation: number;
}

export interface AttributeProto {
  name: string;
  type: number;
  f: number;
  i: bigint;
  s: Uint8Array;
  t?: TensorProto;
  g?: GraphProto;
  floats: number[];
  ints: bigint[];
  graphs: GraphProto[];
}

export interface NodeProto {
  input: string[];
  output: string[];
  name: string;
  opType: string;
  domain: string;
  attribute: AttributeProto[];
}

export interface ValueInfo {
  name: string;
  type?: { tensorType?: { elemType: number; shape?: { dim: { dimValue: bigint; dimParam: string }[] } } };
}

export interface GraphProto {
  node: NodeProto[];
  name: string;
  initializer: TensorProto[];
  input: ValueInfo[];
  output: ValueInfo[];
}

export interface ModelProto {
  irVersion: bigint;
  graph?: GraphProto;
  opsetImport: { domain: string; version: bigint }[];
}

/** TensorProto.DataType */
export const dataType = { float: 1, uint8: 2, int8: 3, int32: 6, int64: 7, bool: 9, float16: 10, double: 11, bfloat16: 16 } as const;
/** AttributeProto.AttributeType */
export const attributeType = { float: 1, int: 2, string: 3, tensor: 4, ints: 7 } as const;

type Field = readonly [name: string, number: number, type: Type | string, repeated?: 'repeated' | 'packed'];

function message(name: string, fields: readonly Field[]): { name: string; field: DescriptorProto['field'][number][] } {
  return {
    name,
    field: fields.map(([field, number, type, repeated]) => ({
      name: field,
      number,
      label: repeated === undefined ? Label.OPTIONAL : Label.REPEATED,
      ...(typeof type === 'string' ? { type: Type.MESSAGE, typeName: `.onnx.${type}` } : { type }),
      ...(repeated === 'packed' ? { options: { packed: true } } : {}),
    })) as unknown as DescriptorProto['field'][number][],
  };
}

const { STRING, INT64, INT32, BYTES, FLOAT, DOUBLE } = Type;

const registry = createFileRegistry(
  create(FileDescriptorSetSchema, {
    file: [
      {
        name: 'onnx.proto',
        package: 'onnx',
        syntax: 'proto2',
        messageType: [
          message('StringStringEntryProto', [
            ['key', 1, STRING],
            ['value', 2, STRING],
          ]),
          message('TensorProto', [
            ['dims', 1, INT64, 'repeated'],
            ['data_type', 2, INT32],
            ['float_data', 4, FLOAT, 'packed'],
            ['int32_data', 5, INT32, 'packed'],
            ['int64_data', 7, INT64, 'packed'],
            ['name', 8, STRING],
            ['raw_data', 9, BYTES],
            ['double_data', 10, DOUBLE, 'packed'],
            ['external_data', 13, 'StringStringEntryProto', 'repeated'],
            ['data_location', 14, INT32],
          ]),
          message('AttributeProto', [
            ['name', 1, STRING],
            ['f', 2, FLOAT],
            ['i', 3, INT64],
            ['s', 4, BYTES],
            ['t', 5, 'TensorProto'],
            ['g', 6, 'GraphProto'],
            ['floats', 7, FLOAT, 'repeated'],
            ['ints', 8, INT64, 'repeated'],
            ['graphs', 11, 'GraphProto', 'repeated'],
            ['type', 20, INT32],
          ]),
          message('NodeProto', [
            ['input', 1, STRING, 'repeated'],
            ['output', 2, STRING, 'repeated'],
            ['name', 3, STRING],
            ['op_type', 4, STRING],
            ['attribute', 5, 'AttributeProto', 'repeated'],
            ['domain', 7, STRING],
          ]),
          message('Dimension', [
            ['dim_value', 1, INT64],
            ['dim_param', 2, STRING],
          ]),
          message('TensorShapeProto', [['dim', 1, 'Dimension', 'repeated']]),
          message('TensorType', [
            ['elem_type', 1, INT32],
            ['shape', 2, 'TensorShapeProto'],
          ]),
          message('TypeProto', [['tensor_type', 1, 'TensorType']]),
          message('ValueInfoProto', [
            ['name', 1, STRING],
            ['type', 2, 'TypeProto'],
          ]),
          message('GraphProto', [
            ['node', 1, 'NodeProto', 'repeated'],
            ['name', 2, STRING],
            ['initializer', 5, 'TensorProto', 'repeated'],
            ['input', 11, 'ValueInfoProto', 'repeated'],
            ['output', 12, 'ValueInfoProto', 'repeated'],
          ]),
          message('OperatorSetIdProto', [
            ['domain', 1, STRING],
            ['version', 2, INT64],
          ]),
          message('ModelProto', [
            ['ir_version', 1, INT64],
            ['graph', 7, 'GraphProto'],
            ['opset_import', 8, 'OperatorSetIdProto', 'repeated'],
          ]),
        ],
      },
    ],
  }),
);

function schema(name: string) {
  const found = registry.getMessage(`onnx.${name}`);
  if (found === undefined) throw new Error(`onnx.proto has no ${name}`);
  return found;
}

/** Byte fields are views of `bytes`. Throws when it is no protocol buffer. */
export function decodeModel(bytes: Uint8Array): ModelProto {
  return fromBinary(schema('ModelProto'), bytes) as unknown as ModelProto;
}

export function encodeModel(model: ModelProto): Uint8Array {
  return toBinary(schema('ModelProto'), model as unknown as Message);
}

export function newTensor(fields: Partial<TensorProto>): TensorProto {
  return create(schema('TensorProto'), fields as never) as unknown as TensorProto;
}

/** Attributes are integers or lists of them. */
export function newNode(fields: Partial<Omit<NodeProto, 'attribute'>>, attributes: Readonly<Record<string, number | readonly number[]>>): NodeProto {
  const attribute = Object.entries(attributes).map(([name, value]) =>
    create(
      schema('AttributeProto'),
      (typeof value === 'number' ? { name, i: BigInt(value), type: attributeType.int } : { name, ints: value.map(BigInt), type: attributeType.ints }) as never,
    ),
  );
  return create(schema('NodeProto'), { ...fields, attribute } as never) as unknown as NodeProto;
}

/** `shape`: sizes, or names of sizes that differ from run to run. */
export function newValue(name: string, elemType: number, shape: readonly (number | string)[]): ValueInfo {
  const dim = shape.map((size) => (typeof size === 'number' ? { dimValue: BigInt(size) } : { dimParam: size }));
  return create(schema('ValueInfoProto'), { name, type: { tensorType: { elemType, shape: { dim } } } } as never) as unknown as ValueInfo;
}

export function newModel(graph: GraphProto, opset: number): ModelProto {
  return create(schema('ModelProto'), { irVersion: 8n, graph, opsetImport: [newOpset('', opset)] } as never) as unknown as ModelProto;
}

export function newGraph(fields: Pick<GraphProto, 'name' | 'node' | 'initializer' | 'input' | 'output'>): GraphProto {
  return create(schema('GraphProto'), fields as never) as unknown as GraphProto;
}

export function newOpset(domain: string, version: number): ModelProto['opsetImport'][number] {
  return create(schema('OperatorSetIdProto'), { domain, version: BigInt(version) } as never) as unknown as ModelProto['opsetImport'][number];
}

export function newEntry(key: string, value: string): StringEntry {
  return create(schema('StringStringEntryProto'), { key, value } as never) as unknown as StringEntry;
}
