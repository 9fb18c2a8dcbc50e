<?php
// `setup` makes the site when there is none; `follow` only keeps one in step with the image and
// the box's answers, and refuses to begin a new one over a lost database. Both are safe to repeat.
// Nothing here comes by the command line: answers from site.php, the password from its file.

if (PHP_SAPI !== 'cli') {
    exit(1);
}
$site = require '/etc/wordpress/site.php';
$password = trim(file_get_contents('/run/secrets/admin_password'));
$_SERVER += ['HTTP_HOST' => $site['host'], 'SERVER_NAME' => $site['host'], 'REQUEST_METHOD' => 'GET',
    'REQUEST_URI' => '/', 'SERVER_PROTOCOL' => 'HTTP/1.1'];

// No letter to the administrator: the box says it, and there is no mail here.
function wp_new_blog_notification() {}

define('WP_INSTALLING', true);
require '/usr/share/wordpress/wp-load.php';
require_once ABSPATH . 'wp-admin/includes/upgrade.php';
// WordPress tries to reach itself while it installs; inside the container that only waits.
add_filter('pre_http_request', fn () => new WP_Error('lavoir', 'no request while setting up'));
add_filter('pre_wp_mail', '__return_false');

$fresh = !is_blog_installed();
if ($fresh && ($argv[1] ?? '') !== 'setup') {
    fwrite(STDERR, "There is no site in this database.\n");
    exit(1);
}
if ($fresh) {
    if ($site['language'] !== 'en_US') {
        load_default_textdomain($site['language']);
        $GLOBALS['wp_locale'] = new WP_Locale();
    }
    $language = $site['language'] === 'en_US' ? '' : $site['language'];
    $made = wp_install($site['title'], $site['admin'], $site['email'], $site['visible'], '', wp_slash($password), $language);
    if (!is_array($made) || empty($made['user_id'])) {
        fwrite(STDERR, "WordPress would not install.\n");
        exit(1);
    }
    foreach ([
        'permalink_structure' => '/%year%/%monthnum%/%postname%/',
        'timezone_string' => $site['timezone'],
        'users_can_register' => 0,
        'default_ping_status' => 'closed',
        'default_pingback_flag' => 0,
        'comment_moderation' => 1,
        // Portraits would be fetched from gravatar.com by each visitor.
        'show_avatars' => 0,
    ] as $option => $value) {
        update_option($option, $value);
    }
    if ($language === 'fr_FR') {
        update_option('date_format', 'j F Y');
        update_option('time_format', 'G\hi');
        update_option('start_of_week', 1);
    }
    $GLOBALS['wp_rewrite']->init();
    flush_rewrite_rules(false);
} else {
    // After an update of the image: the tables follow. Does nothing when they already have.
    wp_upgrade();
}

// An answer is carried over when it changed, so that what people chose in WordPress itself stays.
$now = [
    'title' => $site['title'],
    'email' => $site['email'],
    'language' => $site['language'] === 'en_US' ? '' : $site['language'],
    'visible' => $site['visible'] ? '1' : '0',
    'timezone' => $site['timezone'],
    'password' => hash_hmac('sha256', $password, AUTH_KEY),
];
$options = ['title' => 'blogname', 'email' => 'admin_email', 'language' => 'WPLANG', 'visible' => 'blog_public',
    'timezone' => 'timezone_string'];
$before = $fresh ? $now : get_option('lavoir_applied', $now);
foreach ($now as $key => $value) {
    if (($before[$key] ?? null) === $value) {
        continue;
    }
    if ($key === 'password') {
        $person = get_user_by('login', $site['admin']);
        if ($person) {
            wp_set_password($password, $person->ID);
        }
    } else {
        update_option($options[$key], $value);
    }
}
update_option('lavoir_applied', $now, false);

if (!get_user_by('login', $site['admin'])) {
    fwrite(STDERR, "The first administrator is missing: was the account removed in WordPress?\n");
}
echo $fresh ? "WordPress is set up.\n" : "WordPress is up to date with its answers.\n";
