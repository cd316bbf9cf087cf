import type { SchemaValidator } from './schema/problems.ts';
import type { Located } from './yaml/located-tree.ts';

/**
 * Gives every domain the members of `defaults` that it lacks and that `schema` knows as defaults. They
 * keep their places, so a problem in a default is shown where it stands in the file, and once.
 */
export function applyDefaults(root: Located, schema: Pick<SchemaValidator, 'shapes'>): void {
  const defaults = root.members.get('defaults');
  const domains = root.members.get('domains');
  if (!isMapping(defaults) || !Array.isArray(domains?.value)) return;
  for (const domain of domains.members.values()) {
    if (!isMapping(domain)) continue;
    for (const key of schema.shapes.defaults?.keys ?? []) {
      const member = defaults.members.get(key);
      if (member === undefined || domain.members.has(key)) continue;
      domain.members.set(key, member);
      domain.value[key] = member.value;
    }
  }
}

function isMapping(
  located: Located | undefined,
): located is Located & { value: Record<string | number, unknown> } {
  return (
    typeof located?.value === 'object' && located.value !== null && !Array.isArray(located.value)
  );
}
