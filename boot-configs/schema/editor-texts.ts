import { cpuFeatureSpellings } from '../cpu-features.ts';
import type { SchemaNode } from './model.ts';

/**
 * The published schema: a copy in which editors find what they say of wrong values, which otherwise is a regular expression, and
 * the CPU features, which no enumeration can name.
 */
export function withEditorTexts(node: SchemaNode, key = ''): SchemaNode {
  return {
    ...node,
    ...(node.properties === undefined ? {} : { properties: each(node.properties) }),
    ...(node.$defs === undefined ? {} : { $defs: each(node.$defs) }),
    ...(node.items === undefined ? {} : { items: withEditorTexts(node.items) }),
    ...(isScalar(node) ? { errorMessage: `expected ${node['x-expects']}` } : {}),
    ...(node.pattern === undefined ? {} : { patternErrorMessage: `expected ${node['x-expects']}` }),
    ...(key === 'cpuid' && node.pattern !== undefined ? { defaultSnippets: cpuFeatures() } : {}),
  };
}

function each(nodes: Record<string, SchemaNode>): Record<string, SchemaNode> {
  return Object.fromEntries(
    Object.entries(nodes).map(([key, node]) => [key, withEditorTexts(node, key)]),
  );
}

function isScalar({ $ref, type }: SchemaNode): boolean {
  return $ref === undefined && type !== 'object' && type !== 'array';
}

/** What is written for each feature on its own; a second one is added behind a comma. */
function cpuFeatures(): NonNullable<SchemaNode['defaultSnippets']> {
  const hiding = cpuFeatureSpellings.map((name) => ({
    label: `host,${name}=0`,
    description: `hides ${name}`,
    body: `host,${name}=0`,
  }));
  const host = { label: 'host', description: 'what Xen shows a domain of this type', body: 'host' };
  return [host, ...hiding];
}
