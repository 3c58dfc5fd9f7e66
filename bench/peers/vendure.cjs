// A Vendure server on SQLite, without its job queue's worker, and seeded through its own admin API.
//
// NODE_PATH=node_modules node vendure.cjs FILE --port PORT          serves
// NODE_PATH=node_modules node vendure.cjs FILE seed ORDERS          makes orders, prints a token and their ids

const { bootstrap, DefaultLogger, LogLevel } = require('@vendure/core');

const [file, what, number] = process.argv.slice(2);
const SEED_PORT = 28_449;
const port = what === 'seed' ? SEED_PORT : Number(number);
const admin = { identifier: 'superadmin', password: 'bench-of-vendure' };

const config = {
  apiOptions: { hostname: '127.0.0.1', port, adminApiPath: 'admin-api', shopApiPath: 'shop-api', cors: false },
  authOptions: { tokenMethod: ['bearer'], superadminCredentials: admin, sessionDuration: '1d' },
  dbConnectionOptions: {
    type: 'better-sqlite3',
    database: file,
    synchronize: what === 'seed',
    logging: false,
    // As durable as Orderwire's own book: what is answered is on disk.
    prepareDatabase: (db) => { db.pragma('journal_mode = WAL'); db.pragma('synchronous = FULL'); },
  },
  paymentOptions: { paymentMethodHandlers: [] },
  logger: new DefaultLogger({ level: LogLevel.Error }),
  plugins: [],
};

async function ask(query, token) {
  const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) };
  const answer = await fetch(`http://127.0.0.1:${port}/admin-api`, {
    method: 'POST', headers, body: JSON.stringify({ query }),
  });
  const { data, errors } = await answer.json();
  if (errors) throw new Error(JSON.stringify(errors));
  return { data, token: answer.headers.get('vendure-auth-token') };
}

async function seed(orders) {
  const login = `mutation { login(username: "${admin.identifier}", password: "${admin.password}") { __typename } }`;
  const { token } = await ask(login);
  const ids = [];
  for (let made = 0; made < orders; made++) {
    ids.push((await ask('mutation { createDraftOrder { id } }', token)).data.createDraftOrder.id);
  }
  return { token, ids };
}

bootstrap(config).then(async (server) => {
  if (what !== 'seed') return;
  console.log(JSON.stringify(await seed(Number(number))));
  await server.close();
  process.exit(0);
}).catch((error) => { console.error(error); process.exit(1); });
