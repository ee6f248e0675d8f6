BEGIN TRANSACTION;
CREATE TABLE groups (
	seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	org_id VARCHAR(64) NOT NULL, 
	id VARCHAR(64) NOT NULL, 
	display_name TEXT NOT NULL, 
	display_name_key TEXT NOT NULL, 
	external_id TEXT, 
	members_total INTEGER NOT NULL, 
	created VARCHAR(27) NOT NULL, 
	modified VARCHAR(27) NOT NULL, 
	version INTEGER NOT NULL, 
	doc TEXT NOT NULL, 
	CONSTRAINT groups_id UNIQUE (org_id, id), 
	CONSTRAINT groups_display_name UNIQUE (org_id, display_name)
);
INSERT INTO "groups" VALUES(1,'acme','bc31b1a7225146548bc272ab553049ce','Customer Care','customer care',NULL,1,'2026-11-26T08:47:56.279362Z','2026-11-26T08:47:56.293884Z',2,'{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"id":"bc31b1a7225146548bc272ab553049ce","displayName":"Customer Care","meta":{"resourceType":"Group","created":"2026-11-26T08:47:56.279362Z","lastModified":"2026-11-26T08:47:56.293884Z","version":"W/\"2\""}}');
INSERT INTO "groups" VALUES(2,'acme','317b25ef73ca4a159778f04a6e31c871','Engineering','engineering',NULL,3,'2026-11-26T08:47:56.279362Z','2026-11-26T08:47:56.314181Z',4,'{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"id":"317b25ef73ca4a159778f04a6e31c871","displayName":"Engineering","meta":{"resourceType":"Group","created":"2026-11-26T08:47:56.279362Z","lastModified":"2026-11-26T08:47:56.314181Z","version":"W/\"4\""}}');
INSERT INTO "groups" VALUES(3,'acme','847032979d7d4cf89e8be59dc6f36243','Finance','finance',NULL,0,'2026-11-26T08:47:56.279362Z','2026-11-26T08:47:56.279362Z',1,'{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"id":"847032979d7d4cf89e8be59dc6f36243","displayName":"Finance","meta":{"resourceType":"Group","created":"2026-11-26T08:47:56.279362Z","lastModified":"2026-11-26T08:47:56.279362Z","version":"W/\"1\""}}');
INSERT INTO "groups" VALUES(4,'acme','8a1075b6ba324ede841251fbc56bf28c','Marketing','marketing',NULL,0,'2026-11-26T08:47:56.279362Z','2026-11-26T08:47:56.279362Z',1,'{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"id":"8a1075b6ba324ede841251fbc56bf28c","displayName":"Marketing","meta":{"resourceType":"Group","created":"2026-11-26T08:47:56.279362Z","lastModified":"2026-11-26T08:47:56.279362Z","version":"W/\"1\""}}');
INSERT INTO "groups" VALUES(5,'acme','db4d131a0bc34238908135ee3e8c5592','Sales','sales',NULL,2,'2026-11-26T08:47:56.279362Z','2026-11-26T08:47:56.310266Z',3,'{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"id":"db4d131a0bc34238908135ee3e8c5592","displayName":"Sales","meta":{"resourceType":"Group","created":"2026-11-26T08:47:56.279362Z","lastModified":"2026-11-26T08:47:56.310266Z","version":"W/\"3\""}}');
CREATE TABLE journal (
	seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	org_id VARCHAR(64) NOT NULL, 
	at VARCHAR(27) NOT NULL, 
	actor TEXT NOT NULL, 
	action TEXT NOT NULL, 
	resource TEXT NOT NULL, 
	resource_id TEXT NOT NULL, 
	"before" TEXT, 
	"after" TEXT, 
	request_id TEXT NOT NULL
);
INSERT INTO "journal" VALUES(1,'acme','2026-11-26T08:47:55.670506Z','bootstrap','organization.create','Organization','acme',NULL,'{"id": "acme", "name": "acme", "plan": "Enterprise", "sso": 1, "scim_enabled": 1, "billing_method": "Card", "purchased": 20, "seats_used": 0, "seats_pending": 0, "people_total": 0, "people_removals": 0, "groups_total": 0, "profile": "calendly", "overrides": "{}", "mapping": "{\"attribute\":\"urn:calendly:scim:schemas:2.0:User:group\",\"createGroups\":\"Never\",\"entries\":[],\"unmapped\":{\"action\":\"Keep\",\"group\":null}}", "created": "2026-11-26T08:47:55.670506Z"}','');
INSERT INTO "journal" VALUES(2,'acme','2026-11-26T08:47:55.672434Z','bootstrap','token.issue','Token','6c2620e69008470d87d2dbbf96528f0a',NULL,'{"name":"scim","scopes":["scim"],"expires":null}','');
INSERT INTO "journal" VALUES(3,'acme','2026-11-26T08:47:55.673545Z','bootstrap','token.issue','Token','4d3710e8bd924c9083f5edf9f77d5ec2',NULL,'{"name":"admin","scopes":["admin"],"expires":null}','');
INSERT INTO "journal" VALUES(4,'acme','2026-11-26T08:47:56.279362Z','admin (4d3710e8bd924c9083f5edf9f77d5ec2)','organization.update','Organization','acme','{"mapping": "{\"attribute\":\"urn:calendly:scim:schemas:2.0:User:group\",\"createGroups\":\"Never\",\"entries\":[],\"unmapped\":{\"action\":\"Keep\",\"group\":null}}"}','{"mapping": "{\"attribute\":\"urn:calendly:scim:schemas:2.0:User:group\",\"createGroups\":\"WhenMissing\",\"entries\":[{\"group\":\"Customer Care\",\"values\":[\"Support\"]},{\"group\":\"Engineering\",\"values\":[\"Engineering\"]},{\"group\":\"Finance\",\"values\":[\"Finance\"]},{\"group\":\"Marketing\",\"values\":[\"Marketing\"]},{\"group\":\"Sales\",\"values\":[\"Sales EMEA\",\"Sales US\"]}],\"unmapped\":{\"action\":\"Keep\",\"group\":null}}"}','abd1330c943b460c9107378b7b1c9a19');
INSERT INTO "journal" VALUES(5,'acme','2026-11-26T08:47:56.279362Z','admin (4d3710e8bd924c9083f5edf9f77d5ec2)','group.create','Group','bc31b1a7225146548bc272ab553049ce',NULL,'{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"id":"bc31b1a7225146548bc272ab553049ce","displayName":"Customer Care","meta":{"resourceType":"Group","created":"2026-11-26T08:47:56.279362Z","lastModified":"2026-11-26T08:47:56.279362Z","version":"W/\"1\""}}','abd1330c943b460c9107378b7b1c9a19');
INSERT INTO "journal" VALUES(6,'acme','2026-11-26T08:47:56.279362Z','admin (4d3710e8bd924c9083f5edf9f77d5ec2)','group.create','Group','317b25ef73ca4a159778f04a6e31c871',NULL,'{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"id":"317b25ef73ca4a159778f04a6e31c871","displayName":"Engineering","meta":{"resourceType":"Group","created":"2026-11-26T08:47:56.279362Z","lastModified":"2026-11-26T08:47:56.279362Z","version":"W/\"1\""}}','abd1330c943b460c9107378b7b1c9a19');
INSERT INTO "journal" VALUES(7,'acme','2026-11-26T08:47:56.279362Z','admin (4d3710e8bd924c9083f5edf9f77d5ec2)','group.create','Group','847032979d7d4cf89e8be59dc6f36243',NULL,'{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"id":"847032979d7d4cf89e8be59dc6f36243","displayName":"Finance","meta":{"resourceType":"Group","created":"2026-11-26T08:47:56.279362Z","lastModified":"2026-11-26T08:47:56.279362Z","version":"W/\"1\""}}','abd1330c943b460c9107378b7b1c9a19');
INSERT INTO "journal" VALUES(8,'acme','2026-11-26T08:47:56.279362Z','admin (4d3710e8bd924c9083f5edf9f77d5ec2)','group.create','Group','8a1075b6ba324ede841251fbc56bf28c',NULL,'{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"id":"8a1075b6ba324ede841251fbc56bf28c","displayName":"Marketing","meta":{"resourceType":"Group","created":"2026-11-26T08:47:56.279362Z","lastModified":"2026-11-26T08:47:56.279362Z","version":"W/\"1\""}}','abd1330c943b460c9107378b7b1c9a19');
INSERT INTO "journal" VALUES(9,'acme','2026-11-26T08:47:56.279362Z','admin (4d3710e8bd924c9083f5edf9f77d5ec2)','group.create','Group','db4d131a0bc34238908135ee3e8c5592',NULL,'{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"id":"db4d131a0bc34238908135ee3e8c5592","displayName":"Sales","meta":{"resourceType":"Group","created":"2026-11-26T08:47:56.279362Z","lastModified":"2026-11-26T08:47:56.279362Z","version":"W/\"1\""}}','abd1330c943b460c9107378b7b1c9a19');
INSERT INTO "journal" VALUES(10,'acme','2026-11-26T08:47:56.293884Z','scim (6c2620e69008470d87d2dbbf96528f0a)','person.create','User','09a6717069c14a25b13ec1936819d126',NULL,'{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:calendly:scim:schemas:2.0:User"],"id":"09a6717069c14a25b13ec1936819d126","externalId":"00uksJ0B3pYGstwacERM","userName":"jun.dvorak@example.com","name":{"familyName":"Dvořák","givenName":"Jun"},"displayName":"Jun Dvořák","active":true,"emails":[{"value":"jun.dvorak@example.com","type":"work","primary":true}],"urn:calendly:scim:schemas:2.0:User":{"group":"Support"},"meta":{"resourceType":"User","created":"2026-11-26T08:47:56.293884Z","lastModified":"2026-11-26T08:47:56.293884Z","version":"W/\"1\""}}','d42d6d46189f4a49b8aedca2bb3dd4f8');
INSERT INTO "journal" VALUES(11,'acme','2026-11-26T08:47:56.293884Z','scim (6c2620e69008470d87d2dbbf96528f0a)','person.groups','User','09a6717069c14a25b13ec1936819d126','{"groups": []}','{"groups": ["bc31b1a7225146548bc272ab553049ce"]}','d42d6d46189f4a49b8aedca2bb3dd4f8');
INSERT INTO "journal" VALUES(12,'acme','2026-11-26T08:47:56.300314Z','scim (6c2620e69008470d87d2dbbf96528f0a)','person.create','User','091d4ace7cf5429a88381fca779990d8',NULL,'{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:calendly:scim:schemas:2.0:User"],"id":"091d4ace7cf5429a88381fca779990d8","externalId":"00uL4jHFRPgarXka9d62","userName":"anders.reyes@example.com","name":{"familyName":"Reyes","givenName":"Anders"},"displayName":"Anders Reyes","active":true,"emails":[{"value":"anders.reyes@example.com","type":"work","primary":true}],"urn:calendly:scim:schemas:2.0:User":{"group":"Sales EMEA"},"meta":{"resourceType":"User","created":"2026-11-26T08:47:56.300314Z","lastModified":"2026-11-26T08:47:56.300314Z","version":"W/\"1\""}}','c96fe5c01a5b45c595991a2847e86ceb');
INSERT INTO "journal" VALUES(13,'acme','2026-11-26T08:47:56.300314Z','scim (6c2620e69008470d87d2dbbf96528f0a)','person.groups','User','091d4ace7cf5429a88381fca779990d8','{"groups": []}','{"groups": ["db4d131a0bc34238908135ee3e8c5592"]}','c96fe5c01a5b45c595991a2847e86ceb');
INSERT INTO "journal" VALUES(14,'acme','2026-11-26T08:47:56.309551Z','scim (6c2620e69008470d87d2dbbf96528f0a)','person.create','User','92c5353bd5774b44b1a85ea431d413c3',NULL,'{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:calendly:scim:schemas:2.0:User"],"id":"92c5353bd5774b44b1a85ea431d413c3","externalId":"00u5atX1yyHbkthH2PtS","userName":"fatima.chanda@example.com","name":{"familyName":"Chanda","givenName":"Fatima"},"displayName":"Fatima Chanda","active":true,"emails":[{"value":"fatima.chanda@example.com","type":"work","primary":true}],"urn:calendly:scim:schemas:2.0:User":{"group":"Engineering"},"meta":{"resourceType":"User","created":"2026-11-26T08:47:56.309551Z","lastModified":"2026-11-26T08:47:56.309551Z","version":"W/\"1\""}}','68aad4dcfa0c4c44af93aaf4230558b1');
INSERT INTO "journal" VALUES(15,'acme','2026-11-26T08:47:56.309551Z','scim (6c2620e69008470d87d2dbbf96528f0a)','person.groups','User','92c5353bd5774b44b1a85ea431d413c3','{"groups": []}','{"groups": ["317b25ef73ca4a159778f04a6e31c871"]}','68aad4dcfa0c4c44af93aaf4230558b1');
INSERT INTO "journal" VALUES(16,'acme','2026-11-26T08:47:56.310266Z','scim (6c2620e69008470d87d2dbbf96528f0a)','person.create','User','b83f3ede39b44151bc64b389340959f7',NULL,'{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:calendly:scim:schemas:2.0:User"],"id":"b83f3ede39b44151bc64b389340959f7","externalId":"00u5d2suLvopl2LL7WcV","userName":"yasmin.sokolova@example.com","name":{"familyName":"Sokolova","givenName":"Yasmin"},"displayName":"Yasmin Sokolova","active":true,"emails":[{"value":"yasmin.sokolova@example.com","type":"work","primary":true}],"urn:calendly:scim:schemas:2.0:User":{"group":"Sales EMEA"},"meta":{"resourceType":"User","created":"2026-11-26T08:47:56.310266Z","lastModified":"2026-11-26T08:47:56.310266Z","version":"W/\"1\""}}','5d51ecdcef5c47a5a98405728b477237');
INSERT INTO "journal" VALUES(17,'acme','2026-11-26T08:47:56.310266Z','scim (6c2620e69008470d87d2dbbf96528f0a)','person.groups','User','b83f3ede39b44151bc64b389340959f7','{"groups": []}','{"groups": ["db4d131a0bc34238908135ee3e8c5592"]}','5d51ecdcef5c47a5a98405728b477237');
INSERT INTO "journal" VALUES(18,'acme','2026-11-26T08:47:56.313662Z','scim (6c2620e69008470d87d2dbbf96528f0a)','person.create','User','b8ce9e0810714f79b553773d6d113bc3',NULL,'{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:calendly:scim:schemas:2.0:User"],"id":"b8ce9e0810714f79b553773d6d113bc3","externalId":"00uDH3ly2ehUXokDzJ61","userName":"omar.kaya@example.com","name":{"familyName":"Kaya","givenName":"Omar"},"displayName":"Omar Kaya","active":true,"emails":[{"value":"omar.kaya@example.com","type":"work","primary":true}],"urn:calendly:scim:schemas:2.0:User":{"group":"Engineering"},"meta":{"resourceType":"User","created":"2026-11-26T08:47:56.313662Z","lastModified":"2026-11-26T08:47:56.313662Z","version":"W/\"1\""}}','e46f5b3567e24b3e8260fb76c2325503');
INSERT INTO "journal" VALUES(19,'acme','2026-11-26T08:47:56.313662Z','scim (6c2620e69008470d87d2dbbf96528f0a)','person.groups','User','b8ce9e0810714f79b553773d6d113bc3','{"groups": []}','{"groups": ["317b25ef73ca4a159778f04a6e31c871"]}','e46f5b3567e24b3e8260fb76c2325503');
INSERT INTO "journal" VALUES(20,'acme','2026-11-26T08:47:56.314181Z','scim (6c2620e69008470d87d2dbbf96528f0a)','person.create','User','82868aa3d7674194b9297a498cb7c736',NULL,'{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:calendly:scim:schemas:2.0:User"],"id":"82868aa3d7674194b9297a498cb7c736","externalId":"00uUJiT1X5gqSDEz9tm6","userName":"ada.smith@example.com","name":{"familyName":"Smith","givenName":"Ada"},"displayName":"Ada Smith","active":true,"emails":[{"value":"ada.smith@example.com","type":"work","primary":true}],"urn:calendly:scim:schemas:2.0:User":{"group":"Engineering"},"meta":{"resourceType":"User","created":"2026-11-26T08:47:56.314181Z","lastModified":"2026-11-26T08:47:56.314181Z","version":"W/\"1\""}}','a4d667dbe23d40c5a12b96960373021a');
INSERT INTO "journal" VALUES(21,'acme','2026-11-26T08:47:56.314181Z','scim (6c2620e69008470d87d2dbbf96528f0a)','person.groups','User','82868aa3d7674194b9297a498cb7c736','{"groups": []}','{"groups": ["317b25ef73ca4a159778f04a6e31c871"]}','a4d667dbe23d40c5a12b96960373021a');
CREATE TABLE memberships (
	org_id VARCHAR(64) NOT NULL, 
	group_id VARCHAR(64) NOT NULL, 
	member_id VARCHAR(64) NOT NULL, 
	kind VARCHAR(8) NOT NULL, 
	display TEXT, 
	PRIMARY KEY (org_id, group_id, member_id)
)
 WITHOUT ROWID

;
INSERT INTO "memberships" VALUES('acme','317b25ef73ca4a159778f04a6e31c871','82868aa3d7674194b9297a498cb7c736','User',NULL);
INSERT INTO "memberships" VALUES('acme','317b25ef73ca4a159778f04a6e31c871','92c5353bd5774b44b1a85ea431d413c3','User',NULL);
INSERT INTO "memberships" VALUES('acme','317b25ef73ca4a159778f04a6e31c871','b8ce9e0810714f79b553773d6d113bc3','User',NULL);
INSERT INTO "memberships" VALUES('acme','bc31b1a7225146548bc272ab553049ce','09a6717069c14a25b13ec1936819d126','User',NULL);
INSERT INTO "memberships" VALUES('acme','db4d131a0bc34238908135ee3e8c5592','091d4ace7cf5429a88381fca779990d8','User',NULL);
INSERT INTO "memberships" VALUES('acme','db4d131a0bc34238908135ee3e8c5592','b83f3ede39b44151bc64b389340959f7','User',NULL);
CREATE TABLE organizations (
	id VARCHAR(64) NOT NULL, 
	name TEXT NOT NULL, 
	"plan" TEXT NOT NULL, 
	sso INTEGER NOT NULL, 
	scim_enabled INTEGER NOT NULL, 
	billing_method TEXT NOT NULL, 
	purchased INTEGER NOT NULL, 
	seats_used INTEGER NOT NULL, 
	seats_pending INTEGER NOT NULL, 
	people_total INTEGER NOT NULL, 
	people_removals INTEGER NOT NULL, 
	groups_total INTEGER NOT NULL, 
	profile TEXT NOT NULL, 
	overrides TEXT NOT NULL, 
	mapping TEXT NOT NULL, 
	created VARCHAR(27) NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "organizations" VALUES('acme','acme','Enterprise',1,1,'Card',20,6,6,6,0,5,'calendly','{}','{"attribute":"urn:calendly:scim:schemas:2.0:User:group","createGroups":"WhenMissing","entries":[{"group":"Customer Care","values":["Support"]},{"group":"Engineering","values":["Engineering"]},{"group":"Finance","values":["Finance"]},{"group":"Marketing","values":["Marketing"]},{"group":"Sales","values":["Sales EMEA","Sales US"]}],"unmapped":{"action":"Keep","group":null}}','2026-11-26T08:47:55.670506Z');
CREATE TABLE people (
	seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	org_id VARCHAR(64) NOT NULL, 
	id VARCHAR(64) NOT NULL, 
	user_name TEXT NOT NULL, 
	user_name_key TEXT NOT NULL, 
	external_id TEXT, 
	display_name TEXT, 
	display_name_key TEXT, 
	email TEXT, 
	pending_email TEXT, 
	active INTEGER NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	seated INTEGER NOT NULL, 
	licence VARCHAR(16) NOT NULL, 
	group_value TEXT, 
	created VARCHAR(27) NOT NULL, 
	modified VARCHAR(27) NOT NULL, 
	accepted_at VARCHAR(27), 
	last_active VARCHAR(27), 
	former_name TEXT, 
	version INTEGER NOT NULL, 
	doc TEXT NOT NULL, 
	CONSTRAINT people_id UNIQUE (org_id, id), 
	CONSTRAINT people_user_name UNIQUE (org_id, user_name_key)
);
INSERT INTO "people" VALUES(1,'acme','09a6717069c14a25b13ec1936819d126','jun.dvorak@example.com','jun.dvorak@example.com','00uksJ0B3pYGstwacERM','Jun Dvořák','jun dvořák','jun.dvorak@example.com',NULL,1,'pending',1,'full','Support','2026-11-26T08:47:56.293884Z','2026-11-26T08:47:56.293884Z',NULL,NULL,NULL,1,'{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:calendly:scim:schemas:2.0:User"],"id":"09a6717069c14a25b13ec1936819d126","externalId":"00uksJ0B3pYGstwacERM","userName":"jun.dvorak@example.com","name":{"familyName":"Dvořák","givenName":"Jun"},"displayName":"Jun Dvořák","active":true,"emails":[{"value":"jun.dvorak@example.com","type":"work","primary":true}],"urn:calendly:scim:schemas:2.0:User":{"group":"Support"},"meta":{"resourceType":"User","created":"2026-11-26T08:47:56.293884Z","lastModified":"2026-11-26T08:47:56.293884Z","version":"W/\"1\""}}');
INSERT INTO "people" VALUES(2,'acme','091d4ace7cf5429a88381fca779990d8','anders.reyes@example.com','anders.reyes@example.com','00uL4jHFRPgarXka9d62','Anders Reyes','anders reyes','anders.reyes@example.com',NULL,1,'pending',1,'full','Sales EMEA','2026-11-26T08:47:56.300314Z','2026-11-26T08:47:56.300314Z',NULL,NULL,NULL,1,'{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:calendly:scim:schemas:2.0:User"],"id":"091d4ace7cf5429a88381fca779990d8","externalId":"00uL4jHFRPgarXka9d62","userName":"anders.reyes@example.com","name":{"familyName":"Reyes","givenName":"Anders"},"displayName":"Anders Reyes","active":true,"emails":[{"value":"anders.reyes@example.com","type":"work","primary":true}],"urn:calendly:scim:schemas:2.0:User":{"group":"Sales EMEA"},"meta":{"resourceType":"User","created":"2026-11-26T08:47:56.300314Z","lastModified":"2026-11-26T08:47:56.300314Z","version":"W/\"1\""}}');
INSERT INTO "people" VALUES(3,'acme','92c5353bd5774b44b1a85ea431d413c3','fatima.chanda@example.com','fatima.chanda@example.com','00u5atX1yyHbkthH2PtS','Fatima Chanda','fatima chanda','fatima.chanda@example.com',NULL,1,'pending',1,'full','Engineering','2026-11-26T08:47:56.309551Z','2026-11-26T08:47:56.309551Z',NULL,NULL,NULL,1,'{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:calendly:scim:schemas:2.0:User"],"id":"92c5353bd5774b44b1a85ea431d413c3","externalId":"00u5atX1yyHbkthH2PtS","userName":"fatima.chanda@example.com","name":{"familyName":"Chanda","givenName":"Fatima"},"displayName":"Fatima Chanda","active":true,"emails":[{"value":"fatima.chanda@example.com","type":"work","primary":true}],"urn:calendly:scim:schemas:2.0:User":{"group":"Engineering"},"meta":{"resourceType":"User","created":"2026-11-26T08:47:56.309551Z","lastModified":"2026-11-26T08:47:56.309551Z","version":"W/\"1\""}}');
INSERT INTO "people" VALUES(4,'acme','b83f3ede39b44151bc64b389340959f7','yasmin.sokolova@example.com','yasmin.sokolova@example.com','00u5d2suLvopl2LL7WcV','Yasmin Sokolova','yasmin sokolova','yasmin.sokolova@example.com',NULL,1,'pending',1,'full','Sales EMEA','2026-11-26T08:47:56.310266Z','2026-11-26T08:47:56.310266Z',NULL,NULL,NULL,1,'{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:calendly:scim:schemas:2.0:User"],"id":"b83f3ede39b44151bc64b389340959f7","externalId":"00u5d2suLvopl2LL7WcV","userName":"yasmin.sokolova@example.com","name":{"familyName":"Sokolova","givenName":"Yasmin"},"displayName":"Yasmin Sokolova","active":true,"emails":[{"value":"yasmin.sokolova@example.com","type":"work","primary":true}],"urn:calendly:scim:schemas:2.0:User":{"group":"Sales EMEA"},"meta":{"resourceType":"User","created":"2026-11-26T08:47:56.310266Z","lastModified":"2026-11-26T08:47:56.310266Z","version":"W/\"1\""}}');
INSERT INTO "people" VALUES(5,'acme','b8ce9e0810714f79b553773d6d113bc3','omar.kaya@example.com','omar.kaya@example.com','00uDH3ly2ehUXokDzJ61','Omar Kaya','omar kaya','omar.kaya@example.com',NULL,1,'pending',1,'full','Engineering','2026-11-26T08:47:56.313662Z','2026-11-26T08:47:56.313662Z',NULL,NULL,NULL,1,'{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:calendly:scim:schemas:2.0:User"],"id":"b8ce9e0810714f79b553773d6d113bc3","externalId":"00uDH3ly2ehUXokDzJ61","userName":"omar.kaya@example.com","name":{"familyName":"Kaya","givenName":"Omar"},"displayName":"Omar Kaya","active":true,"emails":[{"value":"omar.kaya@example.com","type":"work","primary":true}],"urn:calendly:scim:schemas:2.0:User":{"group":"Engineering"},"meta":{"resourceType":"User","created":"2026-11-26T08:47:56.313662Z","lastModified":"2026-11-26T08:47:56.313662Z","version":"W/\"1\""}}');
INSERT INTO "people" VALUES(6,'acme','82868aa3d7674194b9297a498cb7c736','ada.smith@example.com','ada.smith@example.com','00uUJiT1X5gqSDEz9tm6','Ada Smith','ada smith','ada.smith@example.com',NULL,1,'pending',1,'full','Engineering','2026-11-26T08:47:56.314181Z','2026-11-26T08:47:56.314181Z',NULL,NULL,NULL,1,'{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:calendly:scim:schemas:2.0:User"],"id":"82868aa3d7674194b9297a498cb7c736","externalId":"00uUJiT1X5gqSDEz9tm6","userName":"ada.smith@example.com","name":{"familyName":"Smith","givenName":"Ada"},"displayName":"Ada Smith","active":true,"emails":[{"value":"ada.smith@example.com","type":"work","primary":true}],"urn:calendly:scim:schemas:2.0:User":{"group":"Engineering"},"meta":{"resourceType":"User","created":"2026-11-26T08:47:56.314181Z","lastModified":"2026-11-26T08:47:56.314181Z","version":"W/\"1\""}}');
CREATE TABLE person_emails (
	person_seq INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	org_id VARCHAR(64) NOT NULL, 
	value_key TEXT NOT NULL, 
	PRIMARY KEY (person_seq, position)
)
 WITHOUT ROWID

;
INSERT INTO "person_emails" VALUES(6,0,'acme','ada.smith@example.com');
INSERT INTO "person_emails" VALUES(2,0,'acme','anders.reyes@example.com');
INSERT INTO "person_emails" VALUES(3,0,'acme','fatima.chanda@example.com');
INSERT INTO "person_emails" VALUES(1,0,'acme','jun.dvorak@example.com');
INSERT INTO "person_emails" VALUES(5,0,'acme','omar.kaya@example.com');
INSERT INTO "person_emails" VALUES(4,0,'acme','yasmin.sokolova@example.com');
CREATE TABLE removed_people (
	seq INTEGER NOT NULL, 
	org_id VARCHAR(64) NOT NULL, 
	id VARCHAR(64) NOT NULL, 
	user_name TEXT NOT NULL, 
	removed_at VARCHAR(27) NOT NULL, 
	doc TEXT NOT NULL, 
	PRIMARY KEY (seq)
);
CREATE TABLE schema_versions (
	version INTEGER NOT NULL, 
	applied VARCHAR(27) NOT NULL, 
	PRIMARY KEY (version)
);
INSERT INTO "schema_versions" VALUES(1,'2026-11-26T08:47:55.663720Z');
INSERT INTO "schema_versions" VALUES(2,'2026-11-26T08:47:55.664971Z');
INSERT INTO "schema_versions" VALUES(3,'2026-11-26T08:47:55.666037Z');
CREATE TABLE secrets (
	name VARCHAR(32) NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "secrets" VALUES('cursor','tUn2DOowB4JN6jNq1oi4q0vKxBzCRmPiCteuG1r2e0E');
CREATE TABLE sessions (
	hash VARCHAR(64) NOT NULL, 
	org_id VARCHAR(64) NOT NULL, 
	token_id VARCHAR(64) NOT NULL, 
	csrf VARCHAR(64) NOT NULL, 
	expires VARCHAR(27) NOT NULL, 
	PRIMARY KEY (hash)
);
ANALYZE "sqlite_master";
INSERT INTO "sqlite_stat1" VALUES('people','people_order','100000 100000 1');
INSERT INTO "sqlite_stat1" VALUES('people','sqlite_autoindex_people_1','100000 100000 1');
INSERT INTO "sqlite_stat1" VALUES('people','sqlite_autoindex_people_2','100000 100000 1');
INSERT INTO "sqlite_stat1" VALUES('people','people_external_id','100000 100000 1');
INSERT INTO "sqlite_stat1" VALUES('people','people_display_name','100000 100000 2');
INSERT INTO "sqlite_stat1" VALUES('people','people_modified','100000 100000 1');
INSERT INTO "sqlite_stat1" VALUES('people','people_group_value','100000 100000 2000');
INSERT INTO "sqlite_stat1" VALUES('person_emails','person_emails','100000 1 1');
INSERT INTO "sqlite_stat1" VALUES('person_emails','person_emails_value','100000 100000 1 1');
INSERT INTO "sqlite_stat1" VALUES('groups','groups_order','1000 1000 1');
INSERT INTO "sqlite_stat1" VALUES('groups','groups_display_name_key','1000 1000 1');
INSERT INTO "sqlite_stat1" VALUES('groups','groups_external_id','1000 1000 1');
INSERT INTO "sqlite_stat1" VALUES('groups','sqlite_autoindex_groups_1','1000 1000 1');
INSERT INTO "sqlite_stat1" VALUES('groups','sqlite_autoindex_groups_2','1000 1000 1');
INSERT INTO "sqlite_stat1" VALUES('memberships','memberships','200000 200000 200 1');
INSERT INTO "sqlite_stat1" VALUES('memberships','memberships_member','200000 200000 2 1');
CREATE TABLE tokens (
	id VARCHAR(64) NOT NULL, 
	org_id VARCHAR(64) NOT NULL, 
	name TEXT NOT NULL, 
	hash VARCHAR(64) NOT NULL, 
	scopes TEXT NOT NULL, 
	created VARCHAR(27) NOT NULL, 
	created_by TEXT NOT NULL, 
	expires VARCHAR(27), 
	revoked VARCHAR(27), 
	last_used VARCHAR(27), 
	last_agent TEXT, 
	PRIMARY KEY (id), 
	UNIQUE (hash)
);
INSERT INTO "tokens" VALUES('6c2620e69008470d87d2dbbf96528f0a','acme','scim','719519bf8a8b8cf3d9a717ff56ea4ce932feeb55af42917a0b88f86565b004ee','scim','2026-11-26T08:47:55.672434Z','bootstrap',NULL,NULL,'2026-11-26T08:47:56.237631Z','scim-operator/0.1.0');
INSERT INTO "tokens" VALUES('4d3710e8bd924c9083f5edf9f77d5ec2','acme','admin','445d2df940bd8218175387e00c2dc42d7d675248e2634eb6aa099528d9a4ad16','admin','2026-11-26T08:47:55.673545Z','bootstrap',NULL,NULL,'2026-11-26T08:47:56.245779Z','scim-operator/0.1.0');
CREATE INDEX people_group_value ON people (org_id, group_value);
CREATE INDEX people_external_id ON people (org_id, external_id);
CREATE INDEX people_order ON people (org_id, seq);
CREATE INDEX people_modified ON people (org_id, modified);
CREATE INDEX people_display_name ON people (org_id, display_name_key);
CREATE INDEX person_emails_value ON person_emails (org_id, value_key, person_seq);
CREATE INDEX ix_removed_people_org_id ON removed_people (org_id);
CREATE INDEX groups_external_id ON groups (org_id, external_id);
CREATE INDEX groups_order ON groups (org_id, seq);
CREATE INDEX groups_display_name_key ON groups (org_id, display_name_key);
CREATE INDEX memberships_member ON memberships (org_id, member_id);
CREATE INDEX ix_tokens_org_id ON tokens (org_id);
CREATE INDEX journal_resource ON journal (org_id, resource_id, seq);
CREATE INDEX journal_order ON journal (org_id, seq);
CREATE TRIGGER journal_no_update BEFORE UPDATE ON journal BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER journal_no_delete BEFORE DELETE ON journal BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('journal',21);
INSERT INTO "sqlite_sequence" VALUES('groups',5);
INSERT INTO "sqlite_sequence" VALUES('people',6);
COMMIT;
