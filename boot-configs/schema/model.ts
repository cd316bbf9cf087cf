export type SchemaType = 'object' | 'array' | 'string' | 'integer' | 'boolean';

/** Keywords that yaml-language-server, and so most editors, know beside those of JSON Schema. Only the published schema has them. */
interface EditorTexts {
  /** What is said of a value of the wrong type, or that is none of the words. */
  errorMessage?: string;
  /** What is said of a text that does not match the pattern. */
  patternErrorMessage?: string;
  /** What is offered for the value. */
  defaultSnippets?: { label: string; description: string; body: string }[];
}

/** The part of JSON Schema that the manifest's schema uses. */
export interface SchemaNode extends EditorTexts {
  $ref?: string;
  $defs?: Record<string, SchemaNode>;
  title?: string;
  description?: string;
  /** A list where several forms are accepted. */
  type?: SchemaType | SchemaType[];
  const?: string | number;
  enum?: string[];
  default?: unknown;
  examples?: unknown[];
  properties?: Record<string, SchemaNode>;
  additionalProperties?: false;
  required?: string[];
  items?: SchemaNode;
  minItems?: number;
  maxItems?: number;
  minimum?: number;
  maximum?: number;
  pattern?: string;
  /** What a value should look like, in words that follow "expected". */
  'x-expects'?: string;
}

/** What messages need to know about a node of the schema. */
export interface Shape {
  expects: string;
  /** The forms that a value may have; one or several. */
  type?: SchemaType | readonly SchemaType[];
  /** The property names of a mapping. */
  keys?: string[];
}

/** Follows a `$ref` into `$defs`; what stands beside it, such as a description, wins. */
export function resolve(node: SchemaNode, root: SchemaNode): SchemaNode {
  if (node.$ref === undefined) return node;
  const target = root.$defs?.[definitionName(node)];
  if (target === undefined) throw new Error(`the schema refers to ${node.$ref}, which it lacks`);
  const { $ref: _, ...beside } = node;
  return { ...target, ...beside };
}

/** The name in `$defs` that a node with a `$ref` stands for. */
export function definitionName(node: SchemaNode): string {
  return node.$ref?.replace('#/$defs/', '') ?? '';
}

/** What every place in a document expects. Keys are paths without indexes, such as `domains[].name`. */
export function shapesIn(root: SchemaNode): Record<string, Shape> {
  const found: Record<string, Shape> = {};
  const visit = (reference: SchemaNode, at: string): void => {
    const node = resolve(reference, root);
    const expects = node['x-expects'];
    if (expects === undefined) throw new Error(`the schema has no x-expects for "${at}"`);
    found[at] = { expects, ...(node.type === undefined ? {} : { type: node.type }) };
    if (node.properties !== undefined) found[at].keys = Object.keys(node.properties);
    for (const [key, child] of Object.entries(node.properties ?? {})) {
      visit(child, at === '' ? key : `${at}.${key}`);
    }
    if (node.items !== undefined) visit(node.items, `${at}[]`);
  };
  visit(root, '');
  return found;
}

/** A copy of the schema with only what decides validity. */
export function withoutAnnotations(node: SchemaNode): SchemaNode {
  const { title: _t, description: _d, examples: _e, default: _v, 'x-expects': _x, ...own } = node;
  const { errorMessage: _m, patternErrorMessage: _p, defaultSnippets: _s, ...rest } = own;
  if (rest.properties !== undefined) rest.properties = mapValues(rest.properties);
  if (rest.$defs !== undefined) rest.$defs = mapValues(rest.$defs);
  if (rest.items !== undefined) rest.items = withoutAnnotations(rest.items);
  return rest;
}

function mapValues(nodes: Record<string, SchemaNode>): Record<string, SchemaNode> {
  return Object.fromEntries(
    Object.entries(nodes).map(([key, node]) => [key, withoutAnnotations(node)]),
  );
}
