<?php
/*
 * Plugin Name: The box
 * Description: What the box settles for this site. It cannot be switched off here.
 */

// WordPress itself comes with the image: its own update would fail on a read-only disk.
add_filter('map_meta_cap', function ($needed, $capability) {
    return $capability === 'update_core' ? ['do_not_allow'] : $needed;
}, 10, 2);
add_filter('pre_site_transient_update_core', function () {
    return (object) ['updates' => [], 'version_checked' => wp_get_wp_version(), 'last_checked' => time()];
});
remove_action('wp_version_check', 'wp_version_check');

// The old remote protocol only serves those who try passwords.
add_filter('xmlrpc_enabled', '__return_false');
remove_action('wp_head', 'rsd_link');

// Visitors' browsers are not sent to others for small pictures.
remove_action('wp_head', 'print_emoji_detection_script', 7);
remove_action('admin_print_scripts', 'print_emoji_detection_script');
add_filter('emoji_svg_url', '__return_false');

// The site cannot call its own address from inside its container; nothing needs it to.
add_filter('site_status_tests', function ($tests) {
    unset($tests['async']['loopback_requests'], $tests['direct']['rest_availability'],
        $tests['async']['background_updates'], $tests['direct']['available_updates_disk_space'],
        $tests['async']['page_cache']);
    return $tests;
});
