import type { BootScript } from '../../boot-scripts/api.ts';

/** Lets the boot go on only when there is every domain of the manifest and nothing else. */
const inventory: BootScript<'after_create'> = async (boot) => {
  const names = (await boot.domains()).flatMap(({ name }) => name ?? []);
  const missing = boot.planned.filter(({ name, critical }) => critical && !names.includes(name));
  for (const { name } of missing) boot.refuse(`${name} is missing`, "see Xen's console");
  boot.log(`there is ${names.join(', ')}`);
};

export default inventory;
