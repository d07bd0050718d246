// The genuine oidc-provider (github.com/panva/node-oidc-provider) with what the tests need:
// node provider.js {"code_s": seconds, "slow": how many polls are told to slow down}
// Prints {"issuer": …} when it listens, {"slowed": true} for each of those. Its own forms for development log people in.
import http from 'node:http';
import {Provider, errors} from 'oidc-provider';

const {code_s: codeS = 600, slow = 0} = JSON.parse(process.argv[2] ?? '{}');
const server = http.createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{
      client_id: 'heliograph',
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'urn:ietf:params:oauth:grant-type:device_code'],
      redirect_uris: ['http://127.0.0.1/login'],
      response_types: ['code'],
    }],
    claims: {openid: ['sub'], profile: ['preferred_username']},
    cookies: {keys: ['for the tests']},
    features: {deviceFlow: {enabled: true}, devInteractions: {enabled: true}},
    findAccount: (ctx, id) => ({
      accountId: id,
      claims: () => ({sub: id, preferred_username: `${id}@example.org`}),
    }),
    pkce: {required: () => true},
    ttl: {DeviceCode: codeS},
  });
  let left = slow;
  provider.use(async (ctx, next) => {
    await next();
    if (ctx.path === '/token' && ctx.body?.error === 'authorization_pending' && left > 0) {
      left -= 1;
      const {statusCode, error} = new errors.SlowDown();
      ctx.status = statusCode;
      ctx.body = {error};
      console.log(JSON.stringify({slowed: true}));
    }
  });
  server.on('request', provider.callback());
  console.log(JSON.stringify({issuer}));
});
