<?php
// Written by the box: changes made here by hand are lost.
// Debian's own wp-config.php reads this file, because of WORDPRESS_CONFIG=box.
define('WP_HOME', {{ app.url | php }});
define('WP_SITEURL', WP_HOME);
// The gateway is the only road in, and it speaks nothing but HTTPS.
$_SERVER['HTTPS'] = 'on';
define('FORCE_SSL_ADMIN', true);

define('DB_HOST', 'db');
define('DB_NAME', 'wordpress');
define('DB_USER', 'wordpress');
define('DB_PASSWORD', trim(file_get_contents('/run/secrets/db_password')));
define('DB_CHARSET', 'utf8mb4');
define('DB_COLLATE', '');

// The eight keys WordPress wants, drawn from the one the box keeps.
foreach (['AUTH', 'SECURE_AUTH', 'LOGGED_IN', 'NONCE'] as $lavoir_use) {
    foreach (['KEY', 'SALT'] as $lavoir_kind) {
        define($lavoir_use . '_' . $lavoir_kind, hash_hmac(
            'sha256', $lavoir_use . '_' . $lavoir_kind, trim(file_get_contents('/run/secrets/keys'))));
    }
}

define('WP_CONTENT_DIR', '/var/lib/wordpress/wp-content');
define('WPMU_PLUGIN_DIR', '/usr/share/lavoir/mu-plugins');
define('WP_ALLOW_MULTISITE', false);
// Extensions may be added; editing PHP from the browser may not.
define('FS_METHOD', 'direct');
define('DISALLOW_FILE_EDIT', true);
// The container wakes WordPress's clock itself, every five minutes.
define('DISABLE_WP_CRON', true);
define('WP_POST_REVISIONS', 20);
define('WP_DEBUG', false);
