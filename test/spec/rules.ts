/**
 * Prints the rules that tests prove, by number: `npm run rules`, `npm run rules -- M` for one letter, `-- M12` for one
 * rule.
 */
import { byRule, ruleTitles } from './rule-titles.ts';

const [wanted = ''] = process.argv.slice(2);
const found = ruleTitles().filter(({ rule }) => rule === wanted || wanted === '' || rule[0] === wanted);
for (const { rule, title, file } of found.toSorted((a, b) => byRule(a.rule, b.rule) || a.file.localeCompare(b.file))) {
  console.log(`${rule.padEnd(5)} ${title}  (test/${file})`);
}
