import { requiredProperties } from '../checks/required-somewhere.ts';
import { resolve, type SchemaNode } from './model.ts';

/** One property of the manifest, for explanations and the reference. */
export interface Field {
  /** Without indexes, such as `domains[].memory`. */
  path: string;
  /** One or more sentences. */
  description: string;
  /** What a value looks like. */
  expects: string;
  /** `somewhere`: in the domain itself or in `defaults`. */
  required: 'yes' | 'somewhere' | 'no';
  default?: unknown;
  examples: unknown[];
  /** The properties inside, for mappings and lists of mappings. */
  members: string[];
  /** The part of the JSON Schema that decides, with references followed. */
  schema: SchemaNode;
}

/** Every property of the manifest in the order of the schema, containers before what they contain. */
export function schemaFields(root: SchemaNode): Field[] {
  const fields: Field[] = [];
  const visit = (parent: SchemaNode, at: string): void => {
    for (const [key, reference] of Object.entries(parent.properties ?? {})) {
      const node = resolve(reference, root);
      const path = at === '' ? key : `${at}.${key}`;
      const item = node.items === undefined ? undefined : resolve(node.items, root);
      const inside = item?.properties === undefined ? node : item;
      fields.push({
        path,
        description: node.description ?? '',
        expects: node['x-expects'] ?? '',
        required: requirement(path, key, parent),
        ...('default' in node ? { default: node.default } : {}),
        examples: node.examples ?? [],
        members: Object.keys(inside.properties ?? {}),
        schema: node,
      });
      visit(inside, inside === node ? path : `${path}[]`);
    }
  };
  visit(root, '');
  return fields;
}

function requirement(path: string, key: string, parent: SchemaNode): Field['required'] {
  if (parent.required?.includes(key)) return 'yes';
  const somewhere = requiredProperties.some(([property]) => path === `domains[].${property}`);
  return somewhere ? 'somewhere' : 'no';
}
