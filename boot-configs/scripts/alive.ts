import type { BootScript } from '../../boot-scripts/api.ts';

/** Ends the platform when a domain that was started has crashed at once. */
const alive: BootScript<'after_start'> = async (boot) => {
  const down = (await boot.domains()).filter(({ shutdown, dying }) => shutdown || dying);
  if (down.length > 0) boot.refuse(`domain ${down.map(({ domid }) => domid).join(', ')} is down`);
  boot.log('all that were started run');
};

export default alive;
