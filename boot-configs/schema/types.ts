import { definitionName, resolve, type SchemaNode, type SchemaType } from './model.ts';

/** TypeScript interfaces for the document that the schema describes: one for the root, one for each object in `$defs`. */
export function typesOf(root: SchemaNode): string {
  const objects = Object.entries(root.$defs ?? {}).filter(([, node]) => node.type === 'object');
  return [
    interfaceOf('ManifestDocument', root, root),
    ...objects.map(([name, node]) => interfaceOf(interfaceName(name), node, root)),
  ].join('\n');
}

function interfaceOf(name: string, node: SchemaNode, root: SchemaNode): string {
  const lines = Object.entries(node.properties ?? {}).map(([key, child]) => {
    const optional = node.required?.includes(key) ? '' : '?';
    const safe = /^[a-z_]+$/.test(key) ? key : `'${key}'`;
    return `  ${safe}${optional}: ${typeOf(child, root)};`;
  });
  return `/** ${node.description} */\nexport interface ${name} {\n${lines.join('\n')}\n}\n`;
}

function typeOf(node: SchemaNode, root: SchemaNode): string {
  const target = resolve(node, root);
  if (target.const !== undefined) return literal(target.const);
  if (target.enum !== undefined) return target.enum.map(literal).join(' | ');
  const of = (type: SchemaType | undefined) => formOf(type, target, node, root);
  return Array.isArray(target.type) ? target.type.map(of).join(' | ') : of(target.type);
}

/** One of the forms that a value may have. */
function formOf(
  type: SchemaType | undefined,
  target: SchemaNode,
  node: SchemaNode,
  root: SchemaNode,
): string {
  switch (type) {
    case 'object':
      return interfaceName(definitionName(node));
    case 'array': {
      const item = typeOf(target.items ?? {}, root);
      return item.includes('|') ? `(${item})[]` : `${item}[]`;
    }
    case 'integer':
      return 'number';
    case 'string':
    case 'boolean':
      return type;
    default:
      throw new Error(`no type for ${JSON.stringify(node)}`);
  }
}

function literal(value: string | number): string {
  return typeof value === 'string' ? `'${value}'` : String(value);
}

function interfaceName(definition: string): string {
  return `${definition.charAt(0).toUpperCase()}${definition.slice(1)}Document`;
}
