import { readValues } from './bitmap.ts';
import type { Policy, PolicyType } from './model.ts';
import type { PolicyReader } from './policy-reader.ts';
import type { SymbolTable, TypeSymbol } from './symbols.ts';

/** POLICYDB_BOUNDS_MAXDEPTH */
const MAXIMUM_BOUNDS = 4;

/** The types with their attributes, which stand at the end of a policy (type_attr_map). */
export function readTypes(
  reader: PolicyReader,
  { values, symbols }: SymbolTable<TypeSymbol>,
): Pick<Policy, 'types' | 'typesByValue' | 'aliases' | 'attributes'> {
  const expansions = Array.from({ length: values }, (_, at) => readValues(reader).add(at + 1));
  const primary = [...symbols].filter(([, symbol]) => symbol.primary);
  const names = new Map(primary.map(([name, { value }]) => [value, name]));
  if (names.size < primary.length) reader.fail('two types have the same value');
  const attributes = new Map(
    primary.filter(([, { attribute }]) => attribute).map(([name]) => [name, new Set<string>()]),
  );
  const bounds = new Map(primary.map(([, symbol]) => [symbol.value, symbol.bounds]));
  const types = new Map<string, PolicyType>();
  const typesByValue = new Map<number, PolicyType>();
  for (const [name, { value, attribute, bounds: upper }] of primary) {
    let depth = 0;
    for (let above = upper; above !== 0; above = bounds.get(above) as number) {
      const isType = bounds.has(above) && !attributes.has(names.get(above) ?? '');
      if (!isType || ++depth === MAXIMUM_BOUNDS) reader.fail(`what bounds "${name}" can't`);
    }
    if (attribute) continue;
    const expansion = expansions[value - 1] ?? new Set();
    const own = [...expansion].flatMap((each) => {
      const set = attributes.get(names.get(each) ?? '');
      set?.add(name);
      return set === undefined ? [] : [names.get(each) as string];
    });
    const type = { name, value, attributes: new Set(own), expansion };
    const bounded = upper === 0 ? type : { ...type, bounds: upper };
    types.set(name, bounded);
    typesByValue.set(value, bounded);
  }
  const aliases = new Map<string, PolicyType>();
  for (const [name, symbol] of symbols) {
    const type = typesByValue.get(symbol.value);
    if (!symbol.primary && type !== undefined) aliases.set(name, type);
  }
  return { types, typesByValue, aliases, attributes };
}
