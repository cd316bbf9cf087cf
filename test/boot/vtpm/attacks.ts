/** A guest that attacks the back end, while another one uses its TPM. */
/** Attacks (test/lib/hostile-tpmfront.c), and what the attacker is told. */
export const attacks: Readonly<Record<string, RegExp>> = {
  wrong: /wrong: 14 of 14 refused, then 0x0/,
  'bell 2000': /bell: 2000 times, then 0x0/,
  vanish: /vanish: turned away/,
  'storm 1000': /storm: 1000 entries/,
  'reconnect 100': /reconnect: 100 times/,
};

/** Has the attacker attack, and a guest extend its register meanwhile, which says how long that took. */
export const underAttack = (attack: string) => `
log=/var/log/xen/console/guest-mallory.log
guest=/var/log/xen/console/guest-signer.log
extend() {
  begin=$(cut -d. -f1 /proc/uptime)
  echo "$1" >$(xenstore-read /local/domain/2/console/tty)
  until grep "after $1" $guest; do
    [ $(($(cut -d. -f1 /proc/uptime) - begin)) -gt 120 ] && break
    sleep 0.2
  done
  echo "seen after $(($(cut -d. -f1 /proc/uptime) - begin)) s"
}
${attack === '' ? '' : `echo '${attack}' >$(xenstore-read /local/domain/4/console/tty)`}
for round in ${attack === '' ? '1 2' : '1'}; do extend "${attack.replace(' ', '-') || 'calm'}-$round"; done
${
  attack === ''
    ? ''
    : `tries=0
until grep -q 'did ${attack}' $log || [ $((tries += 1)) -gt 240 ]; do sleep 0.5; done`
}
grep 'guest mallory' $log`;

/** A question's name is one word. */
export function word(attack: string): string {
  return attack.replaceAll(' ', '-');
}
